import Glibc

/// Scores counted by label over equal bins of [lower, upper]: what an `evaluation` round sums. Scores beyond the range count
/// in the outermost bins.
package struct ScoreHistogram: Equatable, Sendable {
    package let lower: Double
    package let upper: Double
    /// Patients with the outcome, by bin.
    package let positives: [Int]
    package let negatives: [Int]

    package static let maximumBins = 1 << 20

    package init(
        lower: Double, upper: Double, positives: [Int], negatives: [Int]
    ) throws(PublicationError) {
        guard lower.isFinite, upper.isFinite, lower < upper else {
            throw .metrics("expected a range of scores, found \(lower) to \(upper)")
        }
        guard (1...ScoreHistogram.maximumBins).contains(positives.count), positives.count == negatives.count else {
            throw .metrics(
                "\(positives.count) and \(negatives.count) bins; expected as many of both labels, at least one")
        }
        let limit = 1 << 40  // so that no product below loses a patient
        guard (positives + negatives).allSatisfy({ (0...limit).contains($0) }) else {
            throw .metrics("a bin's count is negative or beyond \(limit)")
        }
        self.lower = lower
        self.upper = upper
        self.positives = positives
        self.negatives = negatives
    }

    /// Counts scores one by one.
    package init(
        scores: [Double], isPositive: [Bool], lower: Double, upper: Double, bins: Int
    ) throws(PublicationError) {
        guard scores.count == isPositive.count else {
            throw .metrics("\(scores.count) scores, but \(isPositive.count) labels")
        }
        guard lower.isFinite, upper.isFinite, lower < upper, (1...ScoreHistogram.maximumBins).contains(bins) else {
            throw .metrics("expected a range of scores and at least one bin, found \(bins) over \(lower) to \(upper)")
        }
        var positives = [Int](repeating: 0, count: bins)
        var negatives = positives
        for (score, isPositive) in zip(scores, isPositive) {
            guard !score.isNaN else { throw .metrics("a score is not a number") }
            let bin = ScoreHistogram.bin(of: score, lower: lower, upper: upper, bins: bins)
            if isPositive { positives[bin] += 1 } else { negatives[bin] += 1 }
        }
        try self.init(lower: lower, upper: upper, positives: positives, negatives: negatives)
    }

    /// The bin that counts `score`, which must be a number.
    package static func bin(of score: Double, lower: Double, upper: Double, bins: Int) -> Int {
        let place = (score - lower) / (upper - lower) * Double(bins)
        return place <= 0 ? 0 : place >= Double(bins) ? bins - 1 : Int(place)
    }

    package var positiveCount: Int { positives.reduce(0, +) }
    package var negativeCount: Int { negatives.reduce(0, +) }

    /// The share of (positive, negative) pairs in which the positive scores higher, a tie counting half (Mann-Whitney);
    /// scores of one bin are tied. Nil where a label is absent.
    package var auroc: Double? {
        guard let pairs else { return nil }
        var below = 0.0
        var won = 0.0
        for (positive, negative) in zip(positives, negatives) {
            won += Double(positive) * (below + Double(negative) / 2)
            below += Double(negative)
        }
        return won / pairs
    }

    /// How far binning can have moved `auroc` either way: half of the pairs that share a bin, as a share of all pairs.
    package var aurocBinningBound: Double? {
        guard let pairs else { return nil }
        return zip(positives, negatives).reduce(0) { $0 + Double($1.0) * Double($1.1) } / 2 / pairs
    }

    private var pairs: Double? {
        let pairs = Double(positiveCount) * Double(negativeCount)
        return pairs > 0 ? pairs : nil
    }

    /// Average precision: the sum over thresholds of precision times the recall gained, each bin one threshold (no
    /// interpolation; Davis and Goadrich 2006). Nil where there is no positive.
    package var auprc: Double? {
        let total = Double(positiveCount)
        guard total > 0 else { return nil }
        var found = 0.0
        var taken = 0.0
        var area = 0.0
        for (positive, negative) in zip(positives, negatives).reversed() where positive + negative > 0 {
            found += Double(positive)
            taken += Double(positive + negative)
            area += Double(positive) / total * (found / taken)
        }
        return area
    }

    /// The mean of -log P(label) where a score is a logit, each score taken at the middle of its bin. Nil without scores.
    package var logLoss: Double? {
        let width = (upper - lower) / Double(positives.count)
        return logLoss { lower + (Double($0) + 0.5) * width }
    }

    /// The same where bins are not of equal width: `score` tells the score that stands for a bin.
    package func logLoss(at score: (Int) -> Double) -> Double? {
        let total = Double(positiveCount + negativeCount)
        guard total > 0 else { return nil }
        return positives.indices.reduce(0.0) { sum, bin in
            sum + Double(positives[bin]) * softplus(-score(bin)) + Double(negatives[bin]) * softplus(score(bin))
        } / total
    }

    /// How far binning can have moved `logLoss` either way, for scores inside the range: the slope of the loss is at most 1.
    package var logLossBinningBound: Double { (upper - lower) / Double(positives.count) / 2 }

    /// log(1 + exp(x)) without overflow.
    private func softplus(_ x: Double) -> Double { max(x, 0) + log1p(exp(-abs(x))) }
}
