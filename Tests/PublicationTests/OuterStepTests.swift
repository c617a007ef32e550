import Publication
import Testing

struct OuterStepTests {
    @Test("The step adds the rate times the weighted mean")
    func averages() throws {
        // Deltas 0.2 and -0.4 with weights 3 and 1: mean 0.05.
        let next = try OuterStep.apply(to: [1, 0], weightedSum: [3 * 0.2 - 0.4, 8], totalWeight: 4, rate: 0.5)
        #expect(next == [1.025, 1])
    }

    @Test("The sum is rounded to a Float once, at the end")
    func roundsOnce() throws {
        // 2^24 + 3: a Float there has steps of 2, so rounding 1.5 + 1.5 by parts would give 2^24 + 2 or + 4 by luck alone.
        let next = try OuterStep.apply(to: [0x1p24], weightedSum: [0.5 * 3], totalWeight: 0.5, rate: 1)
        #expect(next == [Float(0x1p24 + 3.0)])
        // 0.1 as a Float is not 0.1: the sum is taken from the Float's own value, in Double.
        let small = try OuterStep.apply(to: [0.1], weightedSum: [1e-9], totalWeight: 1, rate: 1)
        #expect(small == [Float(Double(Float(0.1)) + 1e-9)])
    }

    @Test("Counts that differ, no weight, a wild rate and infinite values are refused")
    func refuses() throws {
        func step(_ sums: [Double] = [1], weight: Double = 1, rate: Double = 1) throws {
            _ = try OuterStep.apply(to: [1], weightedSum: sums, totalWeight: weight, rate: rate)
        }
        #expect(throws: Never.self) { try step() }
        #expect(throws: PublicationError.self) { try step([1, 2]) }
        #expect(throws: PublicationError.self) { try step(weight: 0) }
        #expect(throws: PublicationError.self) { try step(weight: .nan) }
        #expect(throws: PublicationError.self) { try step(rate: 0) }
        #expect(throws: PublicationError.self) { try step(rate: .infinity) }
        #expect(throws: PublicationError.self) { try step([1e300]) }
        #expect(throws: PublicationError.self) { try step([.nan]) }
    }
}
