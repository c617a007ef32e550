/// What a link carries, by the chunks that a receiver has got: bytes that were of use, over the time in which more were on their
/// way. A chunk that nobody waited for tells nothing of the link, so the first of a stretch only starts its clock.
package struct GoodputMeter: Sendable {
    /// A stretch is long enough for a sample once it has both.
    package static let stretchBytes = 512 << 10
    package static let stretchTime = Duration.milliseconds(200)
    /// What a transfer must have brought to be a sample by itself, if it was over before a stretch was.
    package static let shortBytes = 256 << 10
    /// Chunks come in pieces of a socket's buffer: of less than this no rate can be told.
    private static let leastTime = Duration.milliseconds(1)

    private var began: ContinuousClock.Instant?
    private var bytes = 0
    private var isSampled = false
    private var average = MovingAverage(share: 0.25)
    /// Since they were last told.
    package private(set) var samples = 0

    package init() {}

    package var bytesPerSecond: Double? { average.value }

    /// A chunk has come that was of use. True if there is a new figure.
    package mutating func took(_ count: Int, now: ContinuousClock.Instant) -> Bool {
        guard let began else {
            self.began = now
            return false
        }
        bytes += count
        guard bytes >= Self.stretchBytes, now - began >= Self.stretchTime else { return false }
        sample(since: began, now: now)
        (self.began, bytes, isSampled) = (now, 0, true)
        return true
    }

    /// Nothing more is on its way. True if there is a new figure.
    package mutating func ended(now: ContinuousClock.Instant) -> Bool {
        defer { (began, bytes, isSampled) = (nil, 0, false) }
        guard let began, !isSampled, bytes >= Self.shortBytes, now - began >= Self.leastTime else { return false }
        sample(since: began, now: now)
        return true
    }

    /// The connection was lost, or its sender rests: what has come since the clock began tells nothing.
    package mutating func broke() { (began, bytes, isSampled) = (nil, 0, false) }

    package mutating func told() { samples = 0 }

    private mutating func sample(since began: ContinuousClock.Instant, now: ContinuousClock.Instant) {
        average.take(Double(bytes) / ((now - began) / .seconds(1)))
        samples += 1
    }
}
