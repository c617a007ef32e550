import BigInteger
import Encryption
import Federation
import Sodium
import Testing

@Suite("Threshold opening")
struct ThresholdOpeningTests {
    /// All subsets of 1...count with `size` members.
    private func subsets(of count: Int, size: Int) -> [[Int]] {
        let all: [[Int]] = (0..<(1 << count)).map { mask in (1...count).filter { (mask >> ($0 - 1)) & 1 == 1 } }
        return all.filter { $0.count == size }
    }

    @Test("Any two of three and any three of five open the same sum", arguments: Arithmetic.supported)
    func everySubset(arithmetic: Arithmetic) throws {
        for (dealing, size) in [(try ThresholdKeys.twoOfThree.get(), 2), (try ThresholdKeys.threeOfFive.get(), 3)] {
            let round = try ThresholdRound(dealing, count: 500, arithmetic: arithmetic)
            let openings = try (1...dealing.key.parties).map { try round.opening($0) }
            for subset in subsets(of: dealing.key.parties, size: size) {
                let opened = try round.combiner.open(
                    subset.shuffled().map { openings[$0 - 1] }, contributions: 3, threads: 1)
                #expect(opened == round.values)
            }
            // More than are needed open it as well.
            #expect(try round.combiner.open(openings, contributions: 3, threads: 1) == round.values)
        }
    }
}
