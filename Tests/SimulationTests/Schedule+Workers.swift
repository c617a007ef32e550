import Federation
import SeededRandom

// A cloud with several workers.
extension Schedule {
    /// The cloud that has them.
    static var workedCloud: CloudName { get throws { try CloudName(cloudNames[0]) } }

    /// The stages of that cloud which have a part in its updates.
    static func workingStages(_ workers: Int, ingests: Bool) throws -> [StageName] {
        let cloud = try workedCloud
        return (ingests ? [StageName(cloud: cloud, kind: .ingest)] : [])
            + (try (1...workers).map { StageName(cloud: cloud, role: try StageRole(worker: $0)) })
            + [StageName(cloud: cloud, kind: .encrypt)]
    }

    /// Two or three workers, whose records an ingest stage shares out, or which have none; what befalls them is what the seed draws.
    init(ofWorkersIn suite: Suite, seed: UInt64) throws {
        var random = SimulatedRandom(seed: seed ^ 0x776f_726b)
        let workers = 2 + Int.random(in: 0...1, using: &random)
        try self.init(drawnFrom: seed, suite: suite, workers: workers)
        plan.partition = ["fixed", "proportional", "monitored"][Int.random(in: 0..<3, using: &random)]
        plan.ingests = plan.ingests || random.isOne(in: 2)
        // Often enough for the records to be shared out anew.
        plan.updates = 2 + Int.random(in: 0...8, using: &random)
        plan.evaluates = plan.evaluates && plan.updates < 4
    }

    /// Nothing goes wrong, but one worker becomes slower.
    static func monitored(updates: Int) throws -> Schedule {
        var schedule = Schedule(seed: 5)
        schedule.plan.workers = 2
        schedule.plan.ingests = true
        schedule.plan.partition = "monitored"
        schedule.plan.updates = updates
        schedule.healedBy = 1
        schedule.longestWork = 5
        return schedule
    }
}
