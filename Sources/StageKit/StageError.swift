internal import Glibc

/// Why a stage cannot start or go on, in words for the person who runs it.
package enum StageError: Error, CustomStringConvertible {
    case system(String, Int32)
    /// A topology, config or command line that does not fit together.
    case configuration(String)
    /// The state directory is not this user's alone, or not this run's.
    case state(String)
    /// Another process has the state directory, and may be about to end.
    case inUse(String)
    case journal(String)
    /// The sockets or their thread broke down.
    case sockets(String)
    /// A peer that the stage cannot do without has been away for too long.
    case unreachable(String)
    /// The run ended without its result.
    case runFailed(String)

    package var description: String {
        switch self {
        case .system(let call, let code): "\(call): \(String(cString: strerror(code)))"
        case .configuration(let text), .state(let text), .inUse(let text), .journal(let text), .sockets(let text),
            .unreachable(let text), .runFailed(let text):
            text
        }
    }

    package var exitStatus: ExitStatus {
        switch self {
        case .system, .journal, .sockets: .internal
        case .configuration, .state: .badConfiguration
        case .inUse: .inUse
        case .unreachable: .connection
        case .runFailed: .runFailed
        }
    }
}

/// The exit codes of stages and launcher (docs/operating.md).
package enum ExitStatus: Int32, Sendable {
    case ok = 0
    case runFailed = 1
    case connection = 2
    case timeout = 3
    case badArguments = 4
    case `internal` = 5
    /// sysexits.h's EX_IOERR: a write found no room on the disk.
    case noRoom = 74
    /// sysexits.h's EX_TEMPFAIL: another process has the state; the next start may find it free.
    case inUse = 75
    case badConfiguration = 78
}
