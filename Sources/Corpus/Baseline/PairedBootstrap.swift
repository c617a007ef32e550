/// Confidence intervals for AUROCs and their differences by resampling patients (Efron and Tibshirani, An Introduction to
/// the Bootstrap, 1993, chapter 13: the percentile interval). Every model is scored on the same resamples, so that
/// differences are paired; a patient's stays are drawn together, because they are not independent.
package struct PairedBootstrap: Sendable {
    /// An estimate with its 95 % interval.
    package struct Interval: Hashable, Sendable, Codable {
        package let estimate: Double
        package let low: Double
        package let high: Double

        package init(estimate: Double, low: Double, high: Double) {
            self.estimate = estimate
            self.low = low
            self.high = high
        }
    }

    /// The AUROC of each model, in the order in which they were given: of the data itself and of every resample that has
    /// both outcomes.
    package let observed: [Double]
    package let resampled: [[Double]]

    /// `patients[i]` names, by any number, whose stay `i` is; `scores[m][i]` is what model m says of it. Nil without both
    /// outcomes.
    package init?(
        patients: [Int], died: [Bool], scores: [[Double]], resamples: Int = 2000, seed: UInt64 = 1
    ) {
        precondition(
            patients.count == died.count && scores.allSatisfy { $0.count == died.count }, "one row for each stay")
        let rankings = scores.map { Ranking(scores: $0, died: died) }
        let ones = [Int](repeating: 1, count: died.count)
        let observed = rankings.compactMap { $0.auroc(times: ones) }
        guard observed.count == scores.count else { return nil }
        self.observed = observed
        let names = Dictionary(patients.map { ($0, 0) }) { first, _ in first }.keys.sorted()
        let index = Dictionary(uniqueKeysWithValues: names.enumerated().map { ($1, $0) })
        let owner = patients.map { index[$0] ?? 0 }
        var random = SeededRandom(seed: seed, label: "bootstrap")
        var resampled: [[Double]] = []
        for _ in 0..<resamples {
            var drawn = [Int](repeating: 0, count: names.count)
            for _ in names { drawn[random.index(names.count)] += 1 }
            let times = owner.map { drawn[$0] }
            let values = rankings.compactMap { $0.auroc(times: times) }
            if values.count == scores.count { resampled.append(values) }
        }
        self.resampled = resampled
    }

    /// The interval of anything that is computed from the models' AUROCs, such as a difference of two.
    package func interval(of statistic: ([Double]) -> Double) -> Interval {
        PairedBootstrap.interval(statistic(observed), resampled.map(statistic))
    }

    /// The middle 95 % of `values`, by nearest rank.
    package static func interval(_ estimate: Double, _ values: [Double]) -> Interval {
        guard !values.isEmpty else { return Interval(estimate: estimate, low: estimate, high: estimate) }
        let sorted = values.sorted()
        func quantile(_ share: Double) -> Double {
            sorted[min(max(Int((share * Double(sorted.count)).rounded(.down)), 0), sorted.count - 1)]
        }
        return Interval(estimate: estimate, low: quantile(0.025), high: quantile(0.975))
    }

    /// Stays by score, to count pairs again and again.
    private struct Ranking {
        /// Indices of stays, ascending by score; `starts` begins a group of equal scores.
        private let order: [Int]
        private let starts: [Bool]
        private let died: [Bool]

        init(scores: [Double], died: [Bool]) {
            order = scores.indices.sorted { scores[$0] < scores[$1] }
            var starts = [Bool](repeating: true, count: order.count)
            for place in starts.indices.dropFirst() { starts[place] = scores[order[place]] != scores[order[place - 1]] }
            self.starts = starts
            self.died = died
        }

        /// The AUROC when stay i counts `times[i]` times; nil without both outcomes.
        func auroc(times: [Int]) -> Double? {
            var (below, won) = (0.0, 0.0)
            var (deaths, survivors) = (0.0, 0.0)
            func close() {
                won += deaths * (below + survivors / 2)
                below += survivors
            }
            var total = 0.0
            for place in order.indices {
                if starts[place] {
                    close()
                    total += deaths
                    (deaths, survivors) = (0, 0)
                }
                let stay = order[place]
                if died[stay] { deaths += Double(times[stay]) } else { survivors += Double(times[stay]) }
            }
            close()
            total += deaths
            return total > 0 && below > 0 ? won / (total * below) : nil
        }
    }
}
