import Federation
import Monitoring
import Sodium
import View

/// A federation of three clouds, and events of it that a test writes down second by second.
struct Story {
    let run: RunName
    let plan: FederationPlan
    private(set) var events: [Event] = []
    private var sequences: [StageName: UInt64] = [:]
    /// 2026-01-31T08:00:00Z.
    static let start: UInt64 = 1_769_846_400_000_000_000

    /// - Parameter north: the stages of that cloud, where they are others than a data cloud's three.
    init(north: [StageRole]? = nil) throws {
        run = try RunName("demo")
        let data = [.ingest, .localTrain, .encrypt].map { StageRole($0) }
        let clouds = [
            FederationPlan.Cloud(try CloudName("north"), owner: "North Hospital", stages: north ?? data),
            FederationPlan.Cloud(try CloudName("west"), owner: "West Practices", stages: data),
            FederationPlan.Cloud(try CloudName("east"), owner: "East Clinic", stages: data),
            FederationPlan.Cloud(try CloudName("coordinator"), owner: "Trial Office", stages: [StageRole(.aggregate)]),
            FederationPlan.Cloud(try CloudName("release"), owner: "Release Board", stages: [StageRole(.publish)]),
        ]
        plan = FederationPlan(
            federation: "one-machine", run: run, suite: "paillier", keys: "threshold", clouds: clouds, links: [])
    }

    static func at(_ seconds: Double) -> UInt64 { start + UInt64(seconds * 1e9) }

    /// - Parameter stage: `cloud/stage`.
    mutating func tell(
        _ kind: EventKind, _ stage: String, at seconds: Double, round: UInt32 = 0, epoch: UInt64 = 1,
        sequence: UInt64? = nil, _ fields: EventFields = [:]
    ) throws {
        let stage = try StageName(stage)
        let number = sequence ?? (sequences[stage] ?? 0) + 1
        sequences[stage] = number
        let opening = Digest(of: Array("opening \(round)".utf8))
        events.append(
            Event(
                time: Story.at(seconds), level: kind.level, name: kind.name, run: run, stage: stage, epoch: epoch,
                sequence: number, round: RoundNumber(round),
                trace: round > 0
                    ? TraceContext(opening: opening, stage: stage)
                    : TraceContext(run: run, stage: stage, epoch: epoch),
                fields: fields))
    }

    /// All stages are there after one second.
    mutating func start() throws {
        for stage in plan.stages {
            try tell(.stageStarted, "\(stage)", at: 0.1, [.process: .number(100)])
            try tell(.stageReady, "\(stage)", at: 1)
        }
    }

    static let clouds = ["north", "west", "east"]

    /// An update round of ten seconds: a second of sealing, the last cloud trains for six.
    mutating func update(
        _ round: UInt32, at begin: Double, of steps: Int = 4, without absent: Set<String> = [],
        isReleased: Bool = true
    ) throws {
        let cohort = EventValue.list(Story.clouds.sorted().map { .text($0) })
        try tell(
            .roundOpened, "release/publish", at: begin, round: round,
            [
                .purpose: .text("update"), .values: .number(1000), .bits: .number(12), .cohort: cohort,
                .split: .text(""), .stepsDone: .number(Int(round) - 1), .planSteps: .number(steps),
            ])
        var counted: [String] = []
        for (index, cloud) in Story.clouds.enumerated() where !absent.contains(cloud) {
            let trained = begin + 4 + Double(index)
            try tell(.roundJoined, "\(cloud)/encrypt", at: begin + 0.5, round: round, [.purpose: .text("update")])
            try tell(
                .roundTrained, "\(cloud)/local-train", at: trained, round: round,
                [
                    .seconds: .real(3), .firstLoss: .real(0.7),
                    .lastLoss: .real(0.6 - 0.1 * Double(round) + 0.01 * Double(index)),
                ])
            try tell(
                .contributionSealed, "\(cloud)/encrypt", at: trained + 1, round: round,
                [
                    .values: .number(1000), .bytes: .number(20_000), .quantiseSeconds: .real(0.25),
                    .sealSeconds: .real(0.5),
                ]
            )
            try tell(
                .receipted(.contribution), "\(cloud)/encrypt", at: trained + 1.5, round: round,
                [.to: .text("coordinator/aggregate"), .wireBytes: .number(21_000)])
            counted.append(cloud)
            try tell(
                .contributionCounted, "coordinator/aggregate", at: trained + 1.6, round: round,
                [
                    .from: .text(cloud), .bytes: .number(20_000), .addSeconds: .real(0.1),
                    .waitingFor: .list(
                        Story.clouds.filter { !counted.contains($0) }.sorted().map { .text($0) }),
                ])
        }
        guard isReleased else { return }
        try tell(
            .roundClosed, "coordinator/aggregate", at: begin + 8, round: round,
            [.purpose: .text("update"), .cohort: cohort, .gatherSeconds: .real(7.5)])
        for cloud in Story.clouds {
            try tell(
                .shareMade, "\(cloud)/encrypt", at: begin + 9, round: round,
                [.checkSeconds: .real(0.25), .openSeconds: .real(0.25)])
        }
        try tell(
            .roundReleased, "release/publish", at: begin + 10, round: round,
            [.purpose: .text("update"), .openSeconds: .real(0.5), .isFinal: .flag(false)])
    }

    mutating func evaluation(_ round: UInt32, at begin: Double, auroc: Double, of steps: Int = 4) throws {
        let cohort = EventValue.list(Story.clouds.sorted().map { .text($0) })
        try tell(
            .roundOpened, "release/publish", at: begin, round: round,
            [
                .purpose: .text("evaluation"), .values: .number(64), .bits: .number(32), .cohort: cohort,
                .split: .text("validation"), .stepsDone: .number(Int(round) - 1), .planSteps: .number(steps),
            ])
        var fields: EventFields = [
            .purpose: .text("evaluation"), .split: .text("validation"), .openSeconds: .real(0.5),
        ]
        if let field = EventField.figure("auroc") { fields[field] = .real(auroc) }
        if let field = EventField.figure("log_loss") { fields[field] = .real(1 - auroc) }
        try tell(.roundReleased, "release/publish", at: begin + 2, round: round, fields)
    }

    func view(limits: FederationView.Limits = FederationView.Limits()) -> FederationView {
        var view = FederationView(plan, limits: limits)
        for event in events.sorted(by: { $0.time < $1.time }) { view.take(event) }
        return view
    }
}
