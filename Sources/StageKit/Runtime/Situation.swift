package import Federation

/// What a stage does or waits for, in words that a person reads in `tributary ps` and `systemctl status`.
package enum Situation: Equatable, Sendable {
    case working(String)
    /// For whom, and what for; nobody in particular where the list is empty. The text holds nothing that changes while it waits,
    /// so that it tells since when.
    case waiting(for: [StageName], String)

    package var text: String {
        switch self {
        case .working(let text): return text
        case .waiting(let awaited, let text):
            guard !awaited.isEmpty else { return "waiting: \(text)" }
            return "waiting for \(awaited.map(\.description).joined(separator: ", ")): \(text)"
        }
    }
}

/// Watches what a stage says of itself and tells when that is news, and when a wait has become long. A value: the runtime
/// tells it the time.
package struct SituationWatch: Sendable {
    package static let firstReport = Duration.seconds(60)

    package struct News: Equatable, Sendable {
        package init(changed: Situation? = nil, waited: Duration? = nil) {
            self.changed = changed
            self.waited = waited
        }

        /// What is different now; nil where nothing is.
        package var changed: Situation?
        /// It has waited for this long, twice as long as when that was last told.
        package var waited: Duration?
    }

    private var present: Situation?
    private var since: ContinuousClock.Instant
    private var nextReport = SituationWatch.firstReport

    package init(_ now: ContinuousClock.Instant) { since = now }

    /// How long it has waited for the same; nothing while it works.
    package func waiting(_ now: ContinuousClock.Instant) -> Duration {
        if case .waiting? = present { now - since } else { .zero }
    }

    package mutating func step(_ situation: Situation, _ now: ContinuousClock.Instant) -> News {
        guard situation == present else {
            present = situation
            since = now
            nextReport = SituationWatch.firstReport
            return News(changed: situation)
        }
        guard case .waiting = situation, now - since >= nextReport else { return News() }
        nextReport = nextReport * 2
        return News(waited: now - since)
    }
}

/// The connections to the hubs that a stage dials. One that is missing explains whatever else the stage waits for.
package struct LinkWatch: Sendable {
    /// Longer than a connection takes that finds its hub.
    package static let patience = Duration.seconds(3)

    private struct Link {
        var downSince: ContinuousClock.Instant?
        var reason: String?
    }

    private var links: [StageName: Link]

    package init(_ hubs: Set<StageName>, now: ContinuousClock.Instant) {
        links = Dictionary(uniqueKeysWithValues: hubs.map { ($0, Link(downSince: now)) })
    }

    package func isUp(_ hub: StageName) -> Bool { links[hub].map { $0.downSince == nil } ?? false }

    package mutating func connected(_ hub: StageName) { links[hub] = Link() }

    package mutating func lost(_ hub: StageName, _ now: ContinuousClock.Instant) {
        guard links[hub]?.downSince == nil else { return }
        links[hub]?.downSince = now
    }

    /// A handshake failed, and why.
    package mutating func refused(_ hub: StageName, _ reason: String, _ now: ContinuousClock.Instant) {
        lost(hub, now)
        links[hub]?.reason = reason
    }

    /// What the first link that is down for long means to the stage; nil while all stand.
    package func situation(_ now: ContinuousClock.Instant) -> Situation? {
        let down = links.filter { now - ($0.value.downSince ?? now) >= LinkWatch.patience }
        guard let (hub, link) = down.min(by: { $0.key < $1.key }) else { return nil }
        return .waiting(
            for: down.keys.sorted(), link.reason ?? "no connection to \(hub); `tributary doctor` finds out why")
    }
}

/// Another host's clock beside this one's, out of what its beats say. Messages take time, so each beat shows a clock that is
/// behind by its way; the least of several is the truest.
package struct ClockComparison: Sendable {
    /// Deadlines are told in seconds or more; what is below this harms nobody.
    package static let tolerance = Duration.seconds(2)
    private static let window = 5

    private var offsets: [Int64] = []

    package init() {}

    /// Takes a beat's time; gives how far the peer's clock is ahead (behind: below zero), once there are enough of them.
    package mutating func heard(_ theirs: UInt64, at ours: UInt64) -> Duration? {
        // A hostile peer may say anything: half a million years are enough for all that is done with it.
        let limit = UInt64(1) << 54
        offsets.append(Int64(min(theirs, limit)) - Int64(min(ours, limit)))
        if offsets.count > ClockComparison.window { offsets.removeFirst() }
        guard offsets.count == ClockComparison.window, let offset = offsets.max() else { return nil }
        return .milliseconds(offset)
    }
}
