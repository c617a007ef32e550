import Federation
import SeededRandom

// Clouds of very different speed, and rounds that do not wait for the slowest.
extension Schedule {
    /// One cloud or two train for so long that rounds close without them. Faults, kinds and clocks are those that the seed draws.
    ///
    /// - Parameter isQuiet: nothing goes wrong.
    init(ofLateUpdatesIn suite: Suite, seed: UInt64, isQuiet: Bool = false) throws {
        try self.init(drawnFrom: seed, suite: suite)
        var random = SimulatedRandom(seed: seed ^ 0x6c61_7465)
        if isQuiet { (kind, faults, lateStarts, healedBy, wild, skews) = (.mild, [], [:], 1, 0, [:]) }
        plan.clouds = suite == .clear ? 3 + Int.random(in: 0...1, using: &random) : 4
        plan.updates = 4 + Int.random(in: 0...4, using: &random)
        plan.evaluates = random.isOne(in: 6)
        plan.ingests = false
        plan.values = random.isOne(in: 40) ? 70_000 : 16
        if kind == .mild { plan.deadlineSeconds = 900 } else { plan.deadlineSeconds *= 3 }
        plan.quorum = plan.clouds - 1
        plan.minimum = plan.clouds - 1
        // In mild runs nothing grows too old.
        let oldest = kind == .mild ? RecentUpdates.most : Int.random(in: 1...4, using: &random)
        plan.pace =
            random.isOne(in: 2)
            ? "{mode: buffered, oldest: \(oldest)}"
            : "{mode: grace, grace: \(Int.random(in: 0...3, using: &random))s, oldest: \(oldest), discount: 1}"
        let stages = try Schedule.stages(clouds: plan.clouds)
        let clouds = try Schedule.cloudNames.prefix(plan.clouds).map { try CloudName($0) }
        slow[clouds[Int.random(in: 0..<clouds.count, using: &random)]] =
            [500, 3_000, 10_000, 40_000][Int.random(in: 0..<4, using: &random)]
        if random.isOne(in: 3) { slow[clouds[Int.random(in: 0..<clouds.count, using: &random)]] = 2_000 }
        lateStarts = lateStarts.filter { stages.contains($0.key) && $0.key.kind != .ingest }
        faults = faults.filter { $0.fault.isOf(stages.filter { $0.kind != .ingest }, clouds) }
    }
}

extension Schedule.Fault {
    /// Whether all that it names is there.
    func isOf(_ stages: [StageName], _ clouds: [CloudName]) -> Bool {
        switch self {
        case .crash(let stage, _, _, _), .handOver(let stage), .reset(let stage), .cut(let stage, _),
            .stall(let stage, _), .dropNews(let stage, _, _), .jump(let stage, _), .pause(let stage, _):
            stages.contains(stage)
        case .cutLink(let stage, let other, _): stages.contains(stage) && stages.contains(other)
        case .crashCloud(let cloud, _, _), .cutCloud(let cloud, _):
            clouds.contains(cloud) || stages.contains { $0.cloud == cloud }
        }
    }

    /// Whether what a cloud has trained may be lost to it.
    var losesTraining: Bool {
        switch self {
        case .crash(let stage, _, _, _): stage.kind == .localTrain
        case .crashCloud: true
        default: false
        }
    }
}
