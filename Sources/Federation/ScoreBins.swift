/// How scores are counted for a federation's AUROC: histograms of the score (a logit) by outcome, the same bins in every
/// cloud and every round of a run.
package enum ScoreBins {
    package static let count = 4096
    package static let range: ClosedRange<Double> = -8...8
    /// The two segments of an evaluation's layout.
    package static let died = "score.died"
    package static let survived = "score.survived"

    /// Scores outside the range fall into the outermost bins; one that is no number, of a model that has diverged, into the
    /// lowest: it takes no one for at risk.
    package static func bin(_ score: Float) -> Int {
        guard !score.isNaN else { return 0 }
        let place = (Double(score) - range.lowerBound) / (range.upperBound - range.lowerBound) * Double(count)
        // Clamped before it becomes an integer: converting an infinite number traps.
        return Int(min(max(place.rounded(.down), 0), Double(count - 1)))
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
