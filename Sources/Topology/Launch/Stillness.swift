/// What is seen of a stage's process from outside.
package struct LifeSign: Hashable, Sendable {
    /// One letter, as proc(5) has it (`stat`): R, S, D, T and so on; nil where it cannot be read.
    package let state: Character?
    /// When its work loop says that it went round last, by whatever clock; nil where this process has said nothing of the kind.
    package let beat: Int64?

    package init(state: Character?, beat: Int64?) {
        self.state = state
        self.beat = beat
    }
}

/// That a stage's process is there and does nothing.
package struct Stillness: Hashable, Sendable {
    package enum Cause: Hashable, Sendable {
        /// By a signal.
        case stopped
        case debugged
        /// Its work loop does not go round.
        case hangs
        /// The same, and it waits in the kernel, where no signal reaches it.
        case blocked
    }

    package let cause: Cause
    package let since: Duration

    package init(cause: Cause, since: Duration) {
        self.cause = cause
        self.since = since
    }

    package func text(of process: Int32) -> String {
        switch cause {
        case .stopped: "its process \(process) is stopped by a signal (SIGSTOP, or Ctrl-Z at a terminal)"
        case .debugged: "its process \(process) is held by a debugger"
        case .hangs: "its process \(process) is there, but its work loop goes round no more"
        case .blocked: "its process \(process) waits in the kernel, as for a disk or a file server that does not answer"
        }
    }

    package func remedy(for process: Int32) -> String {
        let restart = "`kill -KILL \(process)` ends it: it is started again and goes on from its journal"
        return switch cause {
        case .stopped: "let it go on: `kill -CONT \(process)`; or \(restart)"
        case .debugged: "end the debugger; or \(restart)"
        case .hangs: "\(restart). Its log may tell what it was at (`tributary logs`)"
        case .blocked: "see to the file system on which its state lies (`dmesg`); then, if it stays so, \(restart)"
        }
    }
}

/// Tells which processes stand still, from one look at them to the next. Only that a sign of life changes counts, not what time it
/// says: the clock may be set while it is watched.
package struct StillnessWatch: Sendable {
    package static let interval = Duration.seconds(5)
    /// A loop that has not been round for so long hangs: as for `--probe` and for systemd's watchdog in exported units.
    package static let patience = Duration.seconds(60)

    private struct Seen {
        var beat: Int64?
        var since: Duration
        var stoppedSince: Duration?
    }
    private var seen: [Int32: Seen] = [:]
    private var last: Duration?

    package init() {}

    /// When the next look is due.
    package var deadline: Duration? { last.map { $0 + Self.interval } }

    /// - Parameter processes: all that there are now.
    /// - Returns: those that stand still.
    package mutating func look(at processes: [Int32: LifeSign], now: Duration) -> [Int32: Stillness] {
        // Who has been stopped himself has seen nothing meanwhile, and blames nobody for it.
        let wasAway = last.map { now - $0 > Self.interval * 3 } ?? false
        last = now
        seen = seen.filter { processes[$0.key] != nil }
        var still: [Int32: Stillness] = [:]
        for (pid, sign) in processes {
            var known = seen[pid] ?? Seen(beat: sign.beat, since: now)
            if known.beat != sign.beat || wasAway { (known.beat, known.since) = (sign.beat, now) }
            let stop = Self.stop(sign)
            known.stoppedSince = stop == nil ? nil : known.stoppedSince ?? now
            seen[pid] = known
            if let stop, let since = known.stoppedSince {
                still[pid] = Stillness(cause: stop, since: since)
            } else if sign.beat != nil, now - known.since > Self.patience {
                still[pid] = Stillness(cause: sign.state == "D" ? .blocked : .hangs, since: known.since)
            }
        }
        return still
    }

    private static func stop(_ sign: LifeSign) -> Stillness.Cause? {
        switch sign.state {
        case "T": .stopped
        case "t": .debugged
        default: nil
        }
    }
}
