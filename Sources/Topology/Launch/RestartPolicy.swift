/// When a stage that ended is started again.
package struct RestartPolicy: Sendable {
    package let first: Duration
    package let ceiling: Duration
    /// A stage that was ready for this long has earned a fresh count.
    package let patience: Duration
    /// Ends in a row after which a stage is left to rest: what fails this often will not mend itself. Ends for want of room on
    /// the disk are not among them: whoever makes room mends them, and may take days to.
    package let limit: Int
    /// From then on between one end and the next start.
    package let rest: Duration

    package init(
        first: Duration = .milliseconds(100), ceiling: Duration = .seconds(10), patience: Duration = .seconds(30),
        limit: Int = 12, rest: Duration = .seconds(300)
    ) {
        self.first = first
        self.ceiling = ceiling
        self.patience = patience
        self.limit = limit
        self.rest = rest
    }

    /// The wait after the `count`th end in a row, counted from 1: doubled each time, up to the ceiling.
    package func delay(after count: Int) -> Duration {
        var delay = first
        for _ in 1..<max(count, 1) where delay < ceiling { delay *= 2 }
        return min(delay, ceiling)
    }
}

/// How a process ended.
package enum ProcessEnd: Hashable, Sendable, CustomStringConvertible {
    case exit(Int32)
    case signal(Int32)
    /// It could not be started at all.
    case unstarted(String)

    package var description: String {
        switch self {
        case .exit(let status): "exit status \(status)"
        case .signal(let number): "signal \(number)"
        case .unstarted(let reason): reason
        }
    }

    /// What the status says, in words to put behind it; empty for nothing.
    package var meaning: String {
        switch self {
        case .exit(2): " (nothing was heard of publish for a day)"
        case .exit(4): " (bad arguments)"
        case .exit(78): " (bad configuration)"
        default: ""
        }
    }

    /// A failed run (1), a publish that was away for a day (2), a wrong configuration (78) or wrong arguments (4) are not
    /// mended by another start.
    var isFinal: Bool {
        switch self {
        case .exit(let status): [1, 2, 4, 78].contains(status)
        case .unstarted: true
        case .signal: false
        }
    }

    /// Whether a full disk is to blame. A stage whose write found no room says so (74: sysexits.h's EX_IOERR). One that was
    /// killed for it (SIGBUS, where a page of a mapped file has nowhere to go) or that took a file which could not be written
    /// for a wrong one (78) cannot: it is believed to have ended for it if there is no room.
    ///
    /// - Parameter lacksRoom: there was none where its state lies, when it ended.
    func isForWantOfRoom(_ lacksRoom: Bool) -> Bool {
        switch self {
        case .exit(74): true
        case .exit(let status): lacksRoom && ![0, 1, 2, 4].contains(status)
        case .signal: lacksRoom
        case .unstarted: false
        }
    }
}
