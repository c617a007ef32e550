/// Amounts by the second in which they came, over the last so many seconds.
package struct RateMeter: Sendable, Equatable {
    private struct Bucket: Sendable, Equatable {
        var second: UInt64 = 0
        var amount = 0.0
    }

    private var buckets: [Bucket]

    package init(seconds: Int) { buckets = Array(repeating: Bucket(), count: max(1, seconds)) }

    /// - Parameter time: nanoseconds since 1970.
    package mutating func add(_ amount: Double, at time: UInt64) {
        guard amount.isFinite else { return }
        let second = time / 1_000_000_000
        let index = Int(second % UInt64(buckets.count))
        if buckets[index].second < second { buckets[index] = Bucket(second: second) }
        if buckets[index].second == second { buckets[index].amount += amount }
    }

    /// The mean over the whole seconds before the present one, so that a second that has just begun does not pull it down.
    package func perSecond(at now: UInt64, over window: Int = 10) -> Double {
        series(at: now, over: window).reduce(0, +) / Double(max(1, min(window, buckets.count - 1)))
    }

    /// What each of the last so many whole seconds had, the oldest first.
    package func series(at now: UInt64, over window: Int) -> [Double] {
        let present = now / 1_000_000_000
        let window = UInt64(max(1, min(window, buckets.count - 1)))
        guard present >= window else { return [] }
        return (present - window..<present).map { second in
            let bucket = buckets[Int(second % UInt64(buckets.count))]
            return bucket.second == second ? bucket.amount : 0
        }
    }
}
