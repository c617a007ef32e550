/// The interarrival jitter of RFC 3550 (section 6.4.1, appendix A.8): the smoothed difference of what two messages after each other
/// took on their way. The clocks of both ends cancel out of it.
package struct InterarrivalJitter: Sendable, Equatable {
    private var transit: Double?
    private var average: Double?

    package init() {}

    /// In seconds; nil before the second message.
    package var seconds: Double? { average }

    /// - Parameters:
    ///   - sent: when it was sent, in seconds of the sender's clock.
    ///   - arrived: when it came, in seconds of the receiver's.
    package mutating func take(sent: Double, arrived: Double) {
        let transit = arrived - sent
        defer { self.transit = transit }
        guard let last = self.transit else { return }
        let known = average ?? 0
        average = known + (abs(transit - last) - known) / 16
    }

    /// The next message is not compared with the one before: between them something else than the link held them up.
    package mutating func skip() { transit = nil }
}
