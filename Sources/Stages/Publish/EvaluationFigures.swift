import Federation
import Publication

/// What an evaluation releases: figures, never the histograms, and nothing that rests on fewer than ten patients.
enum EvaluationFigures {
    static let minimumPatients = 10

    static func metrics(of sums: [Double], split: EvaluationSplit?) -> [String: Double] {
        let counts = sums.map { Int($0.rounded()) }
        let (died, survived) = (Array(counts[..<ScoreBins.count]), Array(counts[ScoreBins.count...]))
        let figures: [String: Double]
        do {
            let histogram = try ScoreHistogram(
                lower: 0, upper: Double(ScoreBins.count), positives: died,
                negatives: survived)
            guard histogram.positiveCount >= minimumPatients, histogram.negativeCount >= minimumPatients else {
                return ["withheld": 1]
            }
            figures = [
                "auroc": histogram.auroc, "auroc_binning_bound": histogram.aurocBinningBound, "auprc": histogram.auprc,
                "log_loss": histogram.logLoss(at: ScoreBins.score(ofBin:)),
                "patients": Double(histogram.positiveCount + histogram.negativeCount),
            ].compactMapValues { $0 }
        } catch { return ["withheld": 1] }
        guard split == .test else { return figures }
        return Dictionary(figures.map { ("test_\($0.key)", $0.value) }) { first, _ in first }
    }
}
