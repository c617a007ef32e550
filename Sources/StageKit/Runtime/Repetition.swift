/// Says the same thing once in a while instead of every time: a peer with a wrong key knocks several times a second.
struct Repetition {
    static let interval = Duration.seconds(30)
    /// Different things that are remembered; beyond them the oldest is forgotten, and said anew.
    static let capacity = 64

    private var said: [String: (at: ContinuousClock.Instant, since: Int)] = [:]

    /// How often `text` was held back since it was last said, if it is to be said now; nil if it is to be held back.
    mutating func isDue(_ text: String, now: ContinuousClock.Instant) -> Int? {
        if let last = said[text], now - last.at < Self.interval {
            said[text] = (last.at, last.since + 1)
            return nil
        }
        let repeats = said[text]?.since ?? 0
        if said[text] == nil, said.count >= Self.capacity, let oldest = said.min(by: { $0.value.at < $1.value.at }) {
            said[oldest.key] = nil
        }
        said[text] = (now, 0)
        return repeats
    }
}
