internal import Federation
internal import Glibc
internal import Launching
internal import Monitoring
internal import Topology
internal import View

/// A view of a federation that follows its stages' spools and its launcher's record.
struct Watching {
    private let topology: Topology
    private var feed: SpoolFeed
    private var told: [StageName: UInt64] = [:]
    private var nextLook = ContinuousClock.now
    private(set) var view: FederationView
    private(set) var used = UsedFigures()

    init(_ topology: Topology) {
        self.topology = topology
        feed = SpoolFeed(topology)
        view = FederationView(FederationPlan(topology))
    }

    /// Takes in what there is; true if there may be more.
    mutating func read() throws -> Bool {
        var (taken, used) = (view, self.used)
        let isMore = try feed.read {
            taken.take($0)
            used.take($0)
        }
        (view, self.used) = (taken, used)
        for (stage, count) in feed.lost where count > told[stage, default: 0] {
            view.lost(count - told[stage, default: 0], of: stage)
            told[stage] = count
        }
        try readRecord()
        readMetrics()
        return isMore
    }

    /// Once a second, which is how often stages write them.
    private mutating func readMetrics() {
        guard ContinuousClock.now >= nextLook else { return }
        nextLook = .now + .seconds(1)
        var metrics = LinkMetrics()
        var costs = CostMetrics()
        for stage in topology.stages {
            // A stage that has never run, or runs elsewhere, has left none.
            guard let file = fopen(topology.metricsPath(of: stage.name), "re") else { continue }
            defer { fclose(file) }
            var bytes = [UInt8](repeating: 0, count: 256 << 10)
            let count = fread(&bytes, 1, bytes.count, file)
            let text = String(decoding: bytes[..<count], as: UTF8.self)
            metrics.take(text, of: stage.name)
            costs.take(text, of: stage.name)
        }
        view.take(costs.cost(view.plan))
        for (pair, reading) in metrics.readings { view.take(reading, of: pair) }
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
            troubles: stage.troubles ?? [], isLaunched: isLaunched && lives)
    }
}
