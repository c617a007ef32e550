internal import Glibc

/// Shows that a stage's work loop goes round, and is felt by that loop alone: a timer's thread would go on though the loop stood still.
@StageActor
final class Pulse {
    private let lock: StateLock
    private let interval: Duration
    private let hasWatchdog: Bool
    private var last: ContinuousClock.Instant?

    nonisolated static let slowest = Duration.seconds(5)

    init(_ lock: StateLock) {
        self.lock = lock
        let watchdog = Pulse.watchdog()
        hasWatchdog = watchdog != nil
        interval = min(Pulse.slowest, watchdog.map { $0 / 3 } ?? Pulse.slowest)
    }

    /// To be called each time round.
    func beat(_ now: ContinuousClock.Instant) throws {
        if let last, now - last < interval { return }
        last = now
        try lock.beat()
        if hasWatchdog { ServiceNotice.send("WATCHDOG=1") }
    }

    /// How soon a supervisor wants to hear of this process again and again (sd_watchdog_enabled(3)); nil if none does.
    private static func watchdog() -> Duration? {
        func number(_ name: String) -> Int64? { getenv(name).flatMap { Int64(String(cString: $0)) } }
        guard let microseconds = number("WATCHDOG_USEC"), microseconds > 0 else { return nil }
        if let pid = number("WATCHDOG_PID"), pid != Int64(getpid()) { return nil }
        return .microseconds(microseconds)
    }
}
