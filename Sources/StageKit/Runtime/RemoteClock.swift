/// Another host's time of day, read off its beats; between two of them this host's monotonic clock goes on from the last. This host's own
/// time of day has no part in it. A value: whoever uses it tells it the time.
package struct RemoteClock: Sendable {
    /// A beat comes later than this only where the clock that it tells of has been set: connections end after ten seconds of silence.
    package static let latest = Duration.seconds(60)

    private var time: UInt64
    private var at: ContinuousClock.Instant

    /// - Parameter time: milliseconds since 1970, UTC.
    package init(_ time: UInt64, at now: ContinuousClock.Instant) {
        // A hostile peer may say anything: half a million years are enough for all that is done with it.
        self.time = min(time, UInt64(1) << 54)
        at = now
    }

    /// Milliseconds since 1970, UTC.
    package func time(_ now: ContinuousClock.Instant) -> UInt64 {
        time + UInt64(max(0, (now - at) / .milliseconds(1)))
    }

    /// Takes up what a later beat shows. Messages come late and never early, so of two beats the one that is ahead is the truer; what is
    /// ahead by more than any beat is late is a clock that was set, and is not followed.
    package mutating func follow(_ other: RemoteClock, _ now: ContinuousClock.Instant) {
        let (mine, theirs) = (time(now), other.time(now))
        guard theirs > mine, theirs - mine < UInt64(Self.latest / .milliseconds(1)) else { return }
        self = other
    }
}
