package import Topology

/// How much one peer may send, and what is over it. What is over is dropped unread, and its sender, if it is honest, says it
/// again: nobody else waits for it.
package struct PeerAllowance: Sendable {
    /// A mistake costs its reader more than a message that is right: decoding, a signature, a line in the log.
    package static let mistakeCost = 50.0
    private static let reportInterval = Duration.seconds(1)

    private var messages: TokenBucket
    private var bytes: TokenBucket
    private var dropped = 0
    private var lastReport: ContinuousClock.Instant?

    package init(_ limits: Topology.PeerLimits, now: ContinuousClock.Instant) {
        messages = TokenBucket(rate: Double(limits.messages), now: now)
        bytes = TokenBucket(rate: Double(limits.bytes), now: now)
    }

    /// Whether a message of so many bytes is still within bounds; it counts only if it is.
    package mutating func take(_ byteCount: Int, now: ContinuousClock.Instant) -> Bool {
        guard messages.has(1, now: now), bytes.has(Double(byteCount), now: now) else {
            dropped += 1
            return false
        }
        messages.spend(1)
        bytes.spend(Double(byteCount))
        return true
    }

    package mutating func drop() { dropped += 1 }

    /// Something that this peer sent could not be taken.
    package mutating func chargeMistake() { messages.spend(Self.mistakeCost) }

    /// How many messages were dropped, once in a while; nil where there is nothing to say yet.
    package mutating func report(now: ContinuousClock.Instant) -> Int? {
        guard dropped > 0, lastReport.map({ now - $0 >= Self.reportInterval }) ?? true else { return nil }
        defer { (dropped, lastReport) = (0, now) }
        return dropped
    }
}

/// So much a second, and two seconds' worth at once.
struct TokenBucket: Sendable {
    private let rate: Double
    private var tokens: Double
    private var filled: ContinuousClock.Instant

    init(rate: Double, now: ContinuousClock.Instant) {
        self.rate = rate
        tokens = 2 * rate
        filled = now
    }

    mutating func has(_ count: Double, now: ContinuousClock.Instant) -> Bool {
        let time = now - filled
        let seconds = Double(time.components.seconds) + Double(time.components.attoseconds) * 1e-18
        tokens = min(2 * rate, tokens + max(0, seconds) * rate)
        filled = now
        return tokens >= count
    }

    /// May go below nothing, to a second's worth.
    mutating func spend(_ count: Double) { tokens = max(-rate, tokens - count) }
}
