/// Bounds how often strangers can make a stage write to its log: so many lines in a span, then only how many were left out.
package struct LogThrottle: Sendable {
    private let limit: Int
    private let span: Duration
    private var start: ContinuousClock.Instant
    private var lines = 0
    private var omitted = 0

    package init(limit: Int = 60, span: Duration = .seconds(10), now: ContinuousClock.Instant = .now) {
        self.limit = limit
        self.span = span
        start = now
    }

    package enum Answer: Equatable, Sendable {
        /// Write the line; `omitted` were left out before it.
        case write(omitted: Int)
        case omit
    }

    /// Nothing has been said, or left out, for a span: to forget it changes nothing.
    func isIdle(_ now: ContinuousClock.Instant) -> Bool { now - start >= span && omitted == 0 }

    package mutating func line(_ now: ContinuousClock.Instant) -> Answer {
        if now - start >= span {
            start = now
            lines = 0
        }
        guard lines < limit else {
            omitted += 1
            return .omit
        }
        lines += 1
        defer { omitted = 0 }
        return .write(omitted: omitted)
    }
}
