/// How well scores rank those who died above those who did not.
package enum RankingMetrics {
    /// Area under the ROC curve: the chance that a random death scores above a random survivor, ties counting half (the
    /// Mann-Whitney statistic; Hanley and McNeil, Radiology 143:29, 1982). Nil without both outcomes.
    package static func auroc(_ scored: [(score: Double, died: Bool)]) -> Double? {
        let sorted = scored.sorted { $0.score < $1.score }
        let deaths = sorted.count(where: \.died)
        let survivors = sorted.count - deaths
        guard deaths > 0, survivors > 0 else { return nil }
        var rankSum = 0.0
        var start = 0
        while start < sorted.count {
            var end = start
            while end < sorted.count, sorted[end].score == sorted[start].score { end += 1 }
            let meanRank = Double(start + end + 1) / 2
            rankSum += meanRank * Double(sorted[start..<end].count(where: \.died))
            start = end
        }
        return (rankSum - Double(deaths * (deaths + 1)) / 2) / Double(deaths * survivors)
    }

    /// Average precision: the mean, over deaths, of the precision at the score of each; ties taken together. Nil without a
    /// death.
    package static func averagePrecision(_ scored: [(score: Double, died: Bool)]) -> Double? {
        let sorted = scored.sorted { $0.score > $1.score }
        let deaths = sorted.count(where: \.died)
        guard deaths > 0 else { return nil }
        var found = 0
        var sum = 0.0
        var start = 0
        while start < sorted.count {
            var end = start
            while end < sorted.count, sorted[end].score == sorted[start].score { end += 1 }
            let here = sorted[start..<end].count(where: \.died)
            found += here
            sum += Double(here) * Double(found) / Double(end)
            start = end
        }
        return sum / Double(deaths)
    }
}
