/// An exponentially weighted moving average: the first sample as it is, then each moves it by its share.
package struct MovingAverage: Sendable, Equatable {
    package let share: Double
    package private(set) var value: Double?

    /// - Parameter share: what the newest sample counts, above 0 and at most 1.
    package init(share: Double) { self.share = share }

    package mutating func take(_ sample: Double) {
        value = value.map { $0 + share * (sample - $0) } ?? sample
    }
}
