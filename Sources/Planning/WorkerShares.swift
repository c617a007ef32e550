/// How the training records of a cloud are to be shared out among its workers.
///
/// Within a round every worker does the same number of steps, each on its part of the batch, so a round takes as long as the worker
/// whose part is largest for its speed: of n_k of N records at s_k examples a second, a step on a batch of B takes
///
///     T = max_k (B n_k / N) / s_k
///
/// and never less than B / sum_k s_k, which it takes where the parts are as the speeds.
package enum WorkerShares {
    /// How many times as long a round takes as it would with parts as the speeds: at least 1.
    ///
    /// - Parameters:
    ///   - records: of each worker, above 0.
    ///   - speeds: of each worker, above 0: only what they are of each other matters.
    package static func slowness(records: [Int], speeds: [Double]) -> Double {
        let all = Double(records.reduce(0, +))
        let last = zip(records, speeds).map { Double($0) / $1 }.max() ?? 0
        return max(1, last * speeds.reduce(0, +) / all)
    }
}

/// What a cloud's workers show of their speeds, and when their records are due to be shared out anew.
package struct WorkerSpeeds: Hashable, Sendable {
    /// What the newest round counts in the mean.
    package static let newest = 0.5
    /// Rounds between one sharing out and the next, at least.
    package static let leastRounds = 4

    /// Examples a second, an exponential mean, in the order of the workers; 0 where none was seen.
    package private(set) var means: [Double]
    /// Rounds that were seen over the present partition.
    package private(set) var rounds: Int

    package init(workers: Int) { self.init(means: [Double](repeating: 0, count: workers), rounds: 0) }

    /// As they were kept.
    package init(means: [Double], rounds: Int) {
        self.means = means
        self.rounds = rounds
    }

    /// Takes what a round showed.
    ///
    /// - Parameter seen: examples a second, in the order of the workers; any that is not above 0 says nothing.
    package mutating func take(_ seen: [Double]) {
        guard seen.count == means.count else { return }
        rounds += 1
        for (index, speed) in seen.enumerated() where speed > 0 && speed.isFinite {
            means[index] = means[index] > 0 ? means[index] + Self.newest * (speed - means[index]) : speed
        }
    }

    /// The shares that records are to have from now on; nil to leave them as they are.
    ///
    /// - Parameters:
    ///   - records: of each worker as they lie now.
    ///   - rebalance: the part by which a round must be longer than it need be.
    package func shares(insteadOf records: [Int], rebalance: Double) -> [Double]? {
        guard rounds >= Self.leastRounds, records.count == means.count, means.allSatisfy({ $0 > 0 }),
            WorkerShares.slowness(records: records, speeds: means) > 1 + rebalance
        else { return nil }
        return means
    }

    /// The records have been shared out anew.
    package mutating func begin() { rounds = 0 }
}
