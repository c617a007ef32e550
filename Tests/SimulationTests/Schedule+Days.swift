import Federation
import SeededRandom

// Hours and days of rounds, with something going wrong all the time.
extension Schedule {
    /// Training takes minutes; a stage or a cloud dies, a link is cut or a process stands still several times an hour.
    init(ofHours hours: Int, in suite: Suite, seed: UInt64) throws {
        self.init(seed: seed)
        var random = SimulatedRandom(seed: seed ^ 0x6461_7973)
        kind = .rough
        plan.suite = suite
        plan.updates = 10 * hours
        plan.deadlineSeconds = 3_600
        plan.values = 2_000
        longestWork = 400
        let clouds = try Schedule.cloudNames.prefix(plan.clouds).map { try CloudName($0) }
        for cloud in clouds { slow[cloud] = 300_000 }
        let stages = try Schedule.stages(clouds: plan.clouds).filter { $0.kind != .ingest }
        let end = hours * 3_600_000
        var at = 0
        while true {
            at += Int.random(in: 60_000...1_200_000, using: &random)
            guard at < end else { break }
            let stage = stages[Int.random(in: 0..<stages.count, using: &random)]
            let lasts = Int.random(in: 1_000...120_000, using: &random)
            let losesPower = random.isOne(in: 3)
            let fault: Fault =
                switch Int.random(in: 0..<8, using: &random) {
                case 0: .crashCloud(stage.cloud, powerLoss: losesPower, downFor: lasts)
                case 1: .cutCloud(stage.cloud, milliseconds: lasts)
                case 2: .pause(stage, milliseconds: lasts)
                case 3: .handOver(stage)
                case 4: .reset(stage)
                default:
                    .crash(
                        stage, edge: Int.random(in: 1...60, using: &random), powerLoss: losesPower, downFor: lasts)
                }
            faults.append(TimedFault(at: at, fault: fault))
        }
        healedBy = end
        mostEvents = 200_000 * hours + 400_000
        lookEvery = max(60, hours * 3_600 / 72)
    }
}
