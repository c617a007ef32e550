package import Sodium

/// How a stage leaves a run that is over: it tells publish that the last release is in its journal, again and again until
/// publish says that it has noted it, or until it has waited long enough. A value: the runtime tells it the time.
package struct Farewell: Equatable, Sendable {
    package static let interval = Duration.milliseconds(500)
    /// Longer than the launcher takes to start publish again.
    package static let patience = Duration.seconds(30)

    package enum Step: Equatable, Sendable {
        case wait
        /// Tell publish.
        case tell
        /// Publish is gone, or deaf: leave. It will name this stage as one that it has not heard from.
        case leave
    }

    /// Of the last release.
    package let release: Digest
    private var next: ContinuousClock.Instant
    private let leaveBy: ContinuousClock.Instant

    package init(_ release: Digest, now: ContinuousClock.Instant) {
        self.release = release
        next = now
        leaveBy = now + Farewell.patience
    }

    package mutating func step(_ now: ContinuousClock.Instant) -> Step {
        guard now < leaveBy else { return .leave }
        guard now >= next else { return .wait }
        next = now + Farewell.interval
        return .tell
    }
}

/// How long publish has been silent. It beats every two seconds, so silence means that it cannot be reached, or that the
/// run is over and this stage was away when that was said.
package struct Silence: Sendable {
    package static let firstWarning = Duration.seconds(60)
    package static let limit = Duration.seconds(86_400)

    package enum Step: Equatable, Sendable {
        case wait
        case warn(Duration)
        /// A day: whoever waits is waiting for nobody.
        case giveUp
    }

    private var since: ContinuousClock.Instant
    private var nextWarning = Silence.firstWarning

    package init(_ now: ContinuousClock.Instant) { since = now }

    package mutating func heard(_ now: ContinuousClock.Instant) {
        since = now
        nextWarning = Silence.firstWarning
    }

    package mutating func step(_ now: ContinuousClock.Instant) -> Step {
        let length = now - since
        guard length < Silence.limit else { return .giveUp }
        guard length >= nextWarning else { return .wait }
        nextWarning = nextWarning * 2
        return .warn(length)
    }
}

/// When to ask publish again what it has announced. What it says to a stage that has just come has no place in the sequence of
/// its announcements: of a part that was lost nothing else would tell. A value, like the others here.
package struct Enquiry: Equatable, Sendable {
    package static let first = Duration.seconds(2)
    package static let longest = Duration.seconds(600)

    private var next: ContinuousClock.Instant
    private var interval = Enquiry.first

    package init(_ now: ContinuousClock.Instant) { next = now + Enquiry.first }

    /// True when it is time, and then not again before twice as long.
    package mutating func isDue(_ now: ContinuousClock.Instant) -> Bool {
        guard now >= next else { return false }
        interval = min(interval * 2, Enquiry.longest)
        next = now + interval
        return true
    }
}
