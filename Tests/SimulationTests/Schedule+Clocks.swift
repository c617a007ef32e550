import Federation
import SeededRandom

// Clocks that are set, by an hour or a day, and runs that are not tried for ever.
extension Schedule {
    /// Drawn apart, so that a seed is otherwise the schedule that it was.
    mutating func drawClocks(span: Int) {
        var random = SimulatedRandom(seed: seed ^ 0x636c_6f63)
        if random.isOne(in: 4) {
            let skewed = skews.keys.sorted()
            // Publish that is started again has nothing but the time of day: a round may be given up for it, and is opened again.
            let stages = kind == .mild ? skewed.filter { $0.kind != .publish } : drifts.keys.sorted()
            for _ in 0..<Int.random(in: 1...3, using: &random) where !stages.isEmpty {
                let stage = stages[Int.random(in: 0..<stages.count, using: &random)]
                let amount = random.isOne(in: 2) ? 3_600_000 : 86_400_000
                faults.append(
                    TimedFault(
                        at: Int.random(in: 0...span, using: &random),
                        fault: .jump(stage, milliseconds: random.isOne(in: 2) ? amount : -amount)))
            }
            faults.sort { $0.at < $1.at }
        }
        // What is mild costs no attempt; of what is rough some runs end so.
        if random.isOne(in: 4) { plan.attempts = kind == .mild ? 1 : Int.random(in: 2...4, using: &random) }
    }

    /// Every clock but publish's is wrong by as much as that, from before the start.
    init(ofClocksOff milliseconds: Int, in suite: Suite, seed: UInt64) throws {
        self.init(seed: seed)
        plan.suite = suite
        plan.deadlineSeconds = 60
        plan.attempts = 1
        for stage in try Schedule.stages(clouds: plan.clouds) where stage.kind != .publish {
            skews[stage] = milliseconds
        }
        // Skews last until all is healed.
        healedBy = 600_000
    }

    /// A cloud cannot be reached for so many hours, and publish is started again now and then.
    init(ofOutageFor hours: Int, in suite: Suite, seed: UInt64) throws {
        self.init(seed: seed)
        var random = SimulatedRandom(seed: seed ^ 0x6f75_7461)
        kind = .rough
        plan.suite = suite
        plan.deadlineSeconds = 600
        let clouds = try Schedule.cloudNames.prefix(plan.clouds).map { try CloudName($0) }
        let gone = clouds[Int.random(in: 0..<clouds.count, using: &random)]
        let publish = StageName(cloud: try CloudName("office"), kind: .publish)
        let end = hours * 3_600_000
        faults = [TimedFault(at: 0, fault: .cutCloud(gone, milliseconds: end))]
        for _ in 0..<hours / 6 {
            faults.append(
                TimedFault(
                    at: Int.random(in: 0..<end, using: &random),
                    fault: .crash(
                        publish, edge: Int.random(in: 1...30, using: &random), powerLoss: random.isOne(in: 2),
                        downFor: 1_000)))
        }
        faults.sort { $0.at < $1.at }
        healedBy = end
        mostEvents = 100_000 * hours + 400_000
    }
}
