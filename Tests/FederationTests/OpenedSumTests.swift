import Federation
import Sodium
import Testing

@Suite("Sums that a cloud has helped to open")
struct OpenedSumTests {
    private func sum(
        round: UInt32, purpose: Purpose = .update, from start: UInt32 = 2, of digest: UInt8 = 1, _ clouds: [String]
    ) throws -> OpenedSum {
        let sample = Samples.opening(purpose)
        let opening = Opening(
            run: sample.run, round: RoundNumber(round), purpose: purpose, seat: sample.seat, layout: sample.layout,
            bits: sample.bits,
            suite: sample.suite, keyID: sample.keyID, profile: sample.profile, clipNorm: sample.clipNorm,
            cohort: sample.cohort, quorum: sample.quorum, minimumCohort: sample.minimumCohort,
            deadline: sample.deadline, startsFrom: RoundNumber(start), adapterDigest: sample.adapterDigest,
            adapter: sample.adapter, training: sample.training, split: sample.split)
        return OpenedSum(opening, sum: Digest(of: [digest]), clouds: try clouds.map { try CloudName($0) })
    }

    @Test("A second sum of a round, or one of other clouds from the same adapter, is not helped with")
    func conflicts() throws {
        let all = ["east", "north", "south", "west"]
        let first = try sum(round: 4, all)
        // The same again after a restart, the next adapter, and the same clouds once more after an abandonment are fine.
        #expect(first.conflict(with: first) == nil)
        #expect(first.conflict(with: try sum(round: 5, from: 4, of: 2, Array(all.dropLast()))) == nil)
        #expect(first.conflict(with: try sum(round: 5, of: 2, all)) == nil)
        #expect(first.conflict(with: try sum(round: 4, of: 2, all))?.contains("another sum of round 4") ?? false)
        let fewer = first.conflict(with: try sum(round: 5, of: 2, Array(all.dropLast())))
        #expect(fewer?.contains("in round 4, from the same adapter") ?? false)
        // Statistics and evaluations want the whole cohort anyway (`CohortHistory`).
        let scores = try sum(round: 6, purpose: .evaluation, all)
        #expect(scores.conflict(with: try sum(round: 7, purpose: .evaluation, of: 2, all)) == nil)
    }

    @Test("What is said of them before a round closes is the newest from its adapter; the reader takes no other form")
    func words() throws {
        let sums = [
            try sum(round: 3, from: 2, ["east", "north"]), try sum(round: 4, from: 2, of: 2, ["east", "north"]),
            try sum(round: 6, from: 5, ["east", "west"]), try sum(round: 7, purpose: .evaluation, from: 5, ["east"]),
        ]
        let word = try #require(HelpedSum(of: sums, from: RoundNumber(2)))
        #expect(word.round == RoundNumber(4) && word.clouds.map(\.description) == ["east", "north"])
        #expect(HelpedSum(of: sums, from: RoundNumber(5))?.round == RoundNumber(6))
        #expect(HelpedSum(of: sums, from: RoundNumber(9)) == nil)
        #expect(try HelpedSum(word.value, at: "here") == word)
        for names in [[], ["north", "east"], ["east", "east"]] {
            let value = HelpedSum(round: RoundNumber(4), clouds: try names.map { try CloudName($0) }).value
            #expect(throws: FederationError.self) { try HelpedSum(value, at: "here") }
        }
    }

    @Test("It comes out of the journal as it went in, and nothing else does")
    func codec() throws {
        let opened = try sum(round: 4, ["east", "north"])
        #expect(try OpenedSum(bytes: opened.bytes) == opened)
        #expect(throws: (any Error).self) { try OpenedSum(bytes: Array(opened.bytes.dropLast())) }
        #expect(throws: (any Error).self) { try OpenedSum(bytes: opened.bytes + [0]) }
    }
}
