/// How much an event matters to whoever reads logs.
package enum EventLevel: String, Sendable, CaseIterable, Comparable, CustomStringConvertible {
    /// For those who look for a fault.
    case debug
    /// What a run does.
    case info
    /// The run goes on; somebody should know.
    case warning
    /// Something was refused or lost, or has ended.
    case error

    package var description: String { rawValue }

    private var rank: Int {
        switch self {
        case .debug: 0
        case .info: 1
        case .warning: 2
        case .error: 3
        }
    }

    package static func < (left: EventLevel, right: EventLevel) -> Bool { left.rank < right.rank }
}
