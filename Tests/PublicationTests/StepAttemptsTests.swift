import Federation
import Publication
import Testing

@Suite("Attempts at a step")
struct StepAttemptsTests {
    private func clouds(_ names: String...) throws -> [CloudName] { try names.map { try CloudName($0) } }

    @Test("The second is made at once, each later one after a pause twice as long, to ten minutes")
    func pauses() throws {
        var attempts = StepAttempts(after: RoundNumber(3))
        var pauses: [Double] = [attempts.pause(isCostly: false) / .seconds(1)]
        var costly: [Double] = []
        for round in 4..<20 as Range<UInt32> {
            attempts.add(RoundNumber(round), missing: [], at: 0)
            pauses.append(attempts.pause(isCostly: false) / .seconds(1))
            costly.append(attempts.pause(isCostly: true) / .seconds(60))
        }
        #expect(pauses == [0, 0, 5, 10, 20, 40, 80, 160, 320] + Array(repeating: 600, count: 8))
        // Under noise each attempt is spent for good: as few as there may be.
        #expect(costly == [0, 10, 20, 40, 80, 160, 320] + Array(repeating: 360, count: 9))
    }

    @Test("Who is missing is known by since when without a break")
    func missing() throws {
        let (north, west) = (try CloudName("north"), try CloudName("west"))
        var attempts = StepAttempts(after: RoundNumber(3))
        attempts.add(RoundNumber(4), missing: [north], at: 40)
        attempts.add(RoundNumber(5), missing: [north, west], at: 50)
        #expect(
            attempts.missing == [
                north: .init(round: RoundNumber(4), time: 40), west: .init(round: RoundNumber(5), time: 50),
            ])
        attempts.add(RoundNumber(6), missing: [west], at: 60)
        attempts.add(RoundNumber(7), missing: [north, west], at: 70)
        #expect(
            attempts.missing == [
                north: .init(round: RoundNumber(7), time: 70), west: .init(round: RoundNumber(5), time: 50),
            ])
        #expect(attempts.first == .init(round: RoundNumber(4), time: 40))
        #expect(attempts.count == 4)
    }

    @Test("The journal's note is read as it was written; what is none is refused")
    func note() throws {
        var attempts = StepAttempts(after: RoundNumber(3))
        #expect(try StepAttempts(encoded: attempts.encoded) == attempts)
        attempts.add(RoundNumber(4), missing: try clouds("north"), at: 1_793_491_200_000)
        attempts.add(RoundNumber(5), missing: try clouds("north", "west"), at: 1_793_491_800_000)
        #expect(try StepAttempts(encoded: attempts.encoded) == attempts)
        for text in ["", "3", "3 1 4", "3 x 4 40", "3 1 4 40\nnorth 4", "3 1 4 40\nno/rth 4 40", "-1 1 4 40"] {
            #expect(throws: (any Error).self) { try StepAttempts(encoded: Array(text.utf8)) }
        }
    }
}
