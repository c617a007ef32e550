/// When a stage that ended is started again.
package struct RestartPolicy: Sendable {
    package let first: Duration
    package let ceiling: Duration
    /// A stage that was ready for this long has earned a fresh count.
    package let patience: Duration
    /// Ends in a row after which the launcher gives up: what fails this often will not mend itself.
    package let limit: Int

    package init(
        first: Duration = .milliseconds(100), ceiling: Duration = .seconds(10), patience: Duration = .seconds(30),
        limit: Int = 12
    ) {
        self.first = first
        self.ceiling = ceiling
        self.patience = patience
        self.limit = limit
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

    /// A failed run (1), a publish that was away for a day (2), a wrong configuration (78) or wrong arguments (4) are not
    /// mended by another start.
    var isFinal: Bool {
        switch self {
        case .exit(let status): [1, 2, 4, 78].contains(status)
        case .unstarted: true
        case .signal: false
        }
    }
}
