import Foundation
import Publication
import Testing

struct ScoreHistogramTests {
    /// A generator of our own, so that every run sees the same scores (SplitMix64).
    private struct Generator {
        var state: UInt64
        mutating func unit() -> Double {
            state &+= 0x9E37_79B9_7F4A_7C15
            var z = state
            z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
            z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
            return Double((z ^ (z >> 31)) >> 11) * 0x1p-53
        }
    }

    private func sample(_ count: Int, seed: UInt64) -> (scores: [Double], labels: [Bool]) {
        var generator = Generator(state: seed)
        var scores: [Double] = []
        var labels: [Bool] = []
        for _ in 0..<count {
            let label = generator.unit() < 0.2
            // A sum of uniforms, shifted for positives; rounded to force ties.
            let noise = generator.unit() + generator.unit() + generator.unit() - 1.5
            scores.append(((noise * 2 + (label ? 0.8 : 0)) * 50).rounded() / 50)
            labels.append(label)
        }
        return (scores, labels)
    }

    private func bruteAUROC(_ scores: [Double], _ labels: [Bool]) -> Double {
        var won = 0.0
        var pairs = 0.0
        for i in scores.indices where labels[i] {
            for j in scores.indices where !labels[j] {
                won += scores[i] > scores[j] ? 1 : scores[i] == scores[j] ? 0.5 : 0
                pairs += 1
            }
        }
        return won / pairs
    }

    /// Average precision from the definition: at every distinct score, precision times the recall gained there.
    private func bruteAUPRC(_ scores: [Double], _ labels: [Bool]) -> Double {
        let positives = Double(labels.count { $0 })
        var area = 0.0
        for threshold in Set(scores) {
            let taken = scores.indices.filter { scores[$0] >= threshold }
            let found = Double(taken.count { labels[$0] })
            let gained = Double(scores.indices.count { scores[$0] == threshold && labels[$0] })
            area += gained / positives * (found / Double(taken.count))
        }
        return area
    }

    @Test("With a bin for each score, AUROC and AUPRC are the brute-force ones, ties included", arguments: [1, 2, 3])
    func matchesBruteForce(_ seed: UInt64) throws {
        let (scores, labels) = sample(300, seed: seed)
        // Scores lie on the grid of 1/50: bins of that width, centred on the grid, hold one distinct score each.
        let histogram = try ScoreHistogram(
            scores: scores, isPositive: labels, lower: -6.01, upper: 6.01, bins: 601)
        let auroc = try #require(histogram.auroc)
        let auprc = try #require(histogram.auprc)
        #expect(abs(auroc - bruteAUROC(scores, labels)) < 1e-12)
        #expect(abs(auprc - bruteAUPRC(scores, labels)) < 1e-12)
    }

    @Test("With coarse bins, AUROC and log loss stay within the bounds they state", arguments: [4, 16, 64, 512])
    func statesBounds(_ bins: Int) throws {
        let (scores, labels) = sample(400, seed: 11)
        let histogram = try ScoreHistogram(scores: scores, isPositive: labels, lower: -6, upper: 6, bins: bins)
        let auroc = try #require(histogram.auroc)
        let bound = try #require(histogram.aurocBinningBound)
        #expect(abs(auroc - bruteAUROC(scores, labels)) <= bound + 1e-12)
        let exact = zip(scores, labels).reduce(0) { $0 + log(1 + exp($1.1 ? -$1.0 : $1.0)) } / Double(scores.count)
        let loss = try #require(histogram.logLoss)
        #expect(abs(loss - exact) <= histogram.logLossBinningBound)
    }

    @Test("The bound on AUROC is reached when one bin holds every score")
    func boundIsTight() throws {
        let one = try ScoreHistogram(
            scores: [1, 2, 3, 4], isPositive: [false, false, true, true], lower: 0, upper: 8, bins: 1)
        #expect(one.auroc == 0.5 && one.aurocBinningBound == 0.5)
        let fine = try ScoreHistogram(
            scores: [1, 2, 3, 4], isPositive: [false, false, true, true], lower: 0, upper: 8, bins: 8)
        #expect(fine.auroc == 1 && fine.aurocBinningBound == 0 && fine.auprc == 1)
    }

    @Test("Scores beyond the range count in the outermost bins; without a label there is no AUROC")
    func edges() throws {
        let histogram = try ScoreHistogram(
            scores: [-100, 100, .infinity], isPositive: [false, false, false], lower: -1, upper: 1, bins: 2)
        #expect(histogram.negatives == [1, 2])
        #expect(histogram.auroc == nil && histogram.aurocBinningBound == nil && histogram.auprc == nil)
        let empty = try ScoreHistogram(lower: 0, upper: 1, positives: [0], negatives: [0])
        #expect(empty.logLoss == nil)
    }

    @Test("What is no histogram is refused")
    func refuses() throws {
        func make(_ positives: [Int] = [1], _ negatives: [Int] = [1], lower: Double = 0, upper: Double = 1) throws {
            _ = try ScoreHistogram(lower: lower, upper: upper, positives: positives, negatives: negatives)
        }
        #expect(throws: Never.self) { try make() }
        #expect(throws: PublicationError.self) { try make([1, 2]) }
        #expect(throws: PublicationError.self) { try make([], []) }
        #expect(throws: PublicationError.self) { try make([-1]) }
        #expect(throws: PublicationError.self) { try make([Int.max], [Int.max]) }
        #expect(throws: PublicationError.self) { try make(lower: 1) }
        #expect(throws: PublicationError.self) { try make(upper: .nan) }
        #expect(throws: PublicationError.self) {
            try ScoreHistogram(scores: [.nan], isPositive: [true], lower: 0, upper: 1, bins: 2)
        }
    }
}
