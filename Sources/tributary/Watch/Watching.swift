internal import Federation
internal import Glibc
internal import Monitoring
internal import Topology
internal import View

/// A view of a federation that follows its stages' spools and its launcher's record.
struct Watching {
    private let topology: Topology
    private var feed: SpoolFeed
    private var told: [StageName: UInt64] = [:]
    private(set) var view: FederationView

    init(_ topology: Topology) {
        self.topology = topology
        feed = SpoolFeed(topology)
        view = FederationView(FederationPlan(topology))
    }

    /// Takes in what there is; true if there may be more.
    mutating func read() throws -> Bool {
        var taken = view
        let isMore = try feed.read { taken.take($0) }
        view = taken
        for (stage, count) in feed.lost where count > told[stage, default: 0] {
            view.lost(count - told[stage, default: 0], of: stage)
            told[stage] = count
        }
        try readRecord()
        return isMore
    }

    private mutating func readRecord() throws {
        let record = try LauncherRecord.read(topology.statePath)
        let isLaunched = try record != nil && StateLock.holder(topology.statePath) != nil
        let stages = Dictionary(
            (record?.stages ?? []).map { ($0.stage, $0) }, uniquingKeysWith: { first, _ in first })
        for stage in topology.stages {
            view.take(
                stages["\(stage.name)"].flatMap { ProcessReport($0, isLaunched: isLaunched) }, of: stage.name)
        }
    }
}

extension ProcessReport {
    init?(_ stage: LauncherRecord.Stage, isLaunched: Bool) {
        guard let phase = Phase(rawValue: stage.state) else { return nil }
        // The record may be a moment behind: a process that has been killed is not ready, whatever it says.
        let lives = phase != .ready || ProcessState.runs(stage.pid)
        self.init(
            phase: phase, process: stage.pid, restarts: stage.restarts, status: stage.status,
            statusSince: stage.statusSince.map { UInt64(max(0, min($0, 1e10)) * 1e9) }, lastEnd: stage.lastEnd,
            isLaunched: isLaunched && lives)
    }
}
