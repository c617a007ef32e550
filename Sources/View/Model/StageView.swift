package import Federation
package import Launching
internal import Monitoring

/// What a stage does, as far as events and its launcher tell.
package enum StageState: Sendable, Equatable {
    /// Nothing is known of it here: it runs on another host, or has never run.
    case unknown
    case starting
    case ready
    case working(String)
    /// It is there, and has nothing more to do.
    case idle(String)
    /// For whom, by name, and what for.
    case waiting(for: [String], String)
    /// Its process died, and the launcher starts another one.
    case restarting(String)
    /// It has ended as it should: the run is over.
    case done
    /// It was told to end, and the run goes on.
    case stopped
    case failed(String)
    /// Its process is not there, and it did not say that it would leave.
    case gone

    /// A word for it: `waiting`.
    package var word: String {
        switch self {
        case .unknown: "unknown"
        case .starting: "starting"
        case .ready: "ready"
        case .working: "working"
        case .idle: "idle"
        case .waiting: "waiting"
        case .restarting: "restarting"
        case .done: "done"
        case .stopped: "stopped"
        case .failed: "failed"
        case .gone: "gone"
        }
    }

    /// What else there is to say: for whom, on what, why.
    package var detail: String {
        switch self {
        case .unknown, .starting, .ready, .done, .stopped, .gone: ""
        case .working(let text), .idle(let text), .restarting(let text), .failed(let text): text
        case .waiting(let awaited, let text):
            awaited.isEmpty ? text : "for \(awaited.joined(separator: ", "))" + (text.isEmpty ? "" : ": \(text)")
        }
    }

    /// What a stage reports of itself to its launcher: `waiting for a/b, c/d: what`, `waiting: what`, or what it works on.
    package init(report: String) {
        let text = EventNote.printable(report, atMost: EventNote.maximumText)
        if text.hasPrefix("waiting for "), let colon = text.firstRange(of: ": ") {
            let names = text[..<colon.lowerBound].dropFirst("waiting for ".count)
            self = .waiting(for: names.split(separator: ", ").map(String.init), String(text[colon.upperBound...]))
        } else if text.hasPrefix("waiting: ") {
            self = .waiting(for: [], String(text.dropFirst("waiting: ".count)))
        } else if text.hasPrefix("done: ") {
            self = .idle(String(text.dropFirst("done: ".count)))
        } else {
            self = .working(text)
        }
    }

    /// Whether no process is there.
    package var isOver: Bool { [.done, .stopped, .gone].contains(self) || word == "failed" }

    /// Whether somebody should see to it.
    package var isTrouble: Bool { isOver && self != .done || word == "restarting" }
}

/// What the launcher knows of a stage's process.
package struct ProcessReport: Sendable, Equatable {
    package enum Phase: String, Sendable {
        case waiting, starting, ready, ended
        case backingOff = "backing-off"
    }

    package let phase: Phase
    package let process: Int32?
    package let restarts: Int
    /// What the stage says of itself, and since when (nanoseconds since 1970).
    package let status: String?
    package let statusSince: UInt64?
    /// How the last process ended; nil where none has.
    package let lastEnd: String?
    /// What hinders the stage, as a screen may show it.
    package let troubles: [StageTrouble]
    /// Whether the launcher itself is there: what a dead one wrote last is no news.
    package let isLaunched: Bool

    package init(
        phase: Phase, process: Int32?, restarts: Int, status: String?, statusSince: UInt64?, lastEnd: String?,
        troubles: [StageTrouble] = [], isLaunched: Bool
    ) {
        self.phase = phase
        self.process = process
        self.restarts = restarts
        self.status = status
        self.statusSince = statusSince
        self.lastEnd = lastEnd
        self.troubles = troubles.prefix(ProcessReport.mostTroubles).map(\.printable)
        self.isLaunched = isLaunched
    }

    /// More are not shown.
    private static let mostTroubles = 16
}

/// One stage of the federation.
package struct StageView: Sendable, Equatable {
    package let name: StageName
    package internal(set) var epoch: UInt64 = 0
    package internal(set) var events: UInt64 = 0
    /// Events that were told and are not here: removed from the spool before they were read, or never kept.
    package internal(set) var lostEvents: UInt64 = 0

    /// Whatever a stage numbers its events.
    mutating func lose(_ count: UInt64) {
        let (sum, isOver) = lostEvents.addingReportingOverflow(count)
        lostEvents = isOver ? .max : sum
    }

    package internal(set) var warnings: UInt64 = 0
    package internal(set) var lastEvent: UInt64 = 0
    package internal(set) var process: ProcessReport?
    /// The newest events.
    package internal(set) var tail: Ring<EventNote>
    /// The newest training losses as they come, of local-train.
    package internal(set) var losses: Ring<Double>
    package internal(set) var tokensPerSecond: Double?

    /// What its events tell that it does, and since when.
    var told = StageState.unknown
    var toldSince: UInt64 = 0
    var lastSequence: UInt64 = 0
    /// Whether it knows that the run is over.
    var knowsEnd = false

    init(_ name: StageName, limits: FederationView.Limits) {
        self.name = name
        tail = Ring(limits.tail)
        losses = Ring(limits.losses)
    }

    /// What it does now. The launcher knows best who lives; the stage itself, what it waits for.
    package var state: StageState {
        guard let process else { return told }
        switch process.phase {
        case .ended:
            if case .failed = told { return told }
            if told == .done || told == .stopped { return told }
            return process.lastEnd == nil || process.lastEnd == "exit status 0" ? .done : .failed(process.lastEnd ?? "")
        case _ where !process.isLaunched: return told.isOver ? told : told == .unknown ? .unknown : .gone
        case .backingOff: return .restarting(process.lastEnd ?? "")
        case .waiting, .starting: return .starting
        case .ready: return process.status.map { StageState(report: $0) } ?? told
        }
    }

    /// What hinders it at that time (nanoseconds since 1970), whatever it does or waits for meanwhile; nothing where no launcher
    /// looks after it. That it was killed, and is back, is news for an hour.
    package func troubles(at now: UInt64) -> [StageTrouble] {
        guard let process, process.isLaunched else { return [] }
        return process.troubles.filter {
            $0.kind != .killed || process.phase != .ready || now < $0.sinceNanoseconds + StageView.killIsNews
        }
    }

    private static let killIsNews: UInt64 = 3_600_000_000_000

    /// Since when, in nanoseconds since 1970; nil where nobody has said.
    package var since: UInt64? {
        if let process, process.isLaunched, process.phase == .ready, process.status != nil {
            return process.statusSince
        }
        return toldSince > 0 ? toldSince : nil
    }
}
