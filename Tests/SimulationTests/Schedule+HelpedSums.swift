import Federation
import SeededRandom

// A sum that some have helped to open is never released, and then all are back.
extension Schedule {
    /// All clouds but one contribute, and the round closes without that one at its deadline. From before that until after publish
    /// has given it up none of them reaches publish: they check the sum and make their shares, which do not arrive. Then all come back,
    /// contribute each time, and help with no sum but over those four (or three) of the cohort.
    ///
    /// - Parameter isGoneForGood: one of those who helped does not come back.
    init(ofHelpedSumIn suite: Suite, seed: UInt64, isGoneForGood: Bool = false) throws {
        var random = SimulatedRandom(seed: seed)
        self.init(seed: seed)
        kind = .rough
        plan.suite = suite
        plan.clouds = 4 + Int.random(in: 0...1, using: &random)
        plan.quorum = plan.clouds - 1
        plan.updates = 2 + Int.random(in: 0...1, using: &random)
        plan.deadlineSeconds = Int.random(in: 8...20, using: &random)
        longestWork = [5, 40, 200][Int.random(in: 0..<3, using: &random)]
        if random.isOne(in: 4) { latency = 20...220 }
        let deadline = plan.deadlineSeconds * 1000
        let clouds = try Schedule.cloudNames.prefix(plan.clouds).map { try CloudName($0) }
        let absent = clouds[Int.random(in: 0..<clouds.count, using: &random)]
        let publish = StageName(cloud: try CloudName("office"), kind: .publish)
        // Publish waits for shares for as long again as the round had.
        let back = 2 * deadline + Int.random(in: 3_000...15_000, using: &random)
        faults = [TimedFault(at: 0, fault: .cutCloud(absent, milliseconds: back))]
        for cloud in clouds where cloud != absent {
            let encrypt = StageName(cloud: cloud, kind: .encrypt)
            let from = deadline / 2 + Int.random(in: 0...500, using: &random)
            faults.append(
                TimedFault(at: from, fault: .cutLink(encrypt, publish, milliseconds: back - from + 50)))
        }
        if isGoneForGood, let gone = clouds.first(where: { $0 != absent }) {
            plan.attempts = 3
            faults.append(TimedFault(at: back - 100, fault: .cutCloud(gone, milliseconds: 3_600_000)))
            healedBy = 3_600_000
        } else {
            healedBy = back + 1_000
        }
        faults.sort { $0.at < $1.at }
    }
}
