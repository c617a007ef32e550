internal import Glibc

/// How scores are counted for a federation's AUROC: histograms of the score (a logit) by outcome, the same bins in every
/// cloud and every round of a run.
///
/// Bins are of equal width in asinh(score / 0.1): fine around 0, where the scores of a hardly trained adapter crowd, and
/// coarser in proportion further out. The order of scores is kept, so AUROC is that of the scores but for ties inside a bin.
package enum ScoreBins {
    package static let count = 4096
    private static let scale = 0.1
    /// Scores beyond +-20 fall into the outermost bins.
    private static let limit = asinh(20 / scale)
    /// The two segments of an evaluation's layout.
    package static let died = "score.died"
    package static let survived = "score.survived"

    /// A score that is no number, of a model that has diverged, falls into the lowest bin: it takes no one for at risk.
    package static func bin(_ score: Float) -> Int {
        guard !score.isNaN else { return 0 }
        let place = (asinh(Double(score) / scale) + limit) / (2 * limit) * Double(count)
        // Clamped before it becomes an integer: converting an infinite number traps.
        return Int(min(max(place.rounded(.down), 0), Double(count - 1)))
    }

    /// The score in the middle of a bin.
    package static func score(ofBin bin: Int) -> Double {
        scale * sinh((Double(bin) + 0.5) / Double(count) * 2 * limit - limit)
    }

    /// The layout of an evaluation round in which counts are exact at `bits` bits.
    package static func layout(bits: Int) throws(FederationError) -> VectorLayout {
        let range = Double((1 << (bits - 1)) - 1)
        return try VectorLayout([
            .init(name: died, shape: [count], range: range), .init(name: survived, shape: [count], range: range),
        ])
    }

    /// The histograms as one vector in that layout.
    package static func histograms(scores: [Float], died labels: [Bool]) -> [Double] {
        var counts = [Double](repeating: 0, count: 2 * count)
        for (score, died) in zip(scores, labels) { counts[bin(score) + (died ? 0 : count)] += 1 }
        return counts
    }
}
