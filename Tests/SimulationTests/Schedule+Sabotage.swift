import Federation
import SeededRandom

// Schedules in which what is broken on purpose has its occasion.
extension Schedule {
    init(of sabotage: Sabotage, seed: UInt64) throws {
        var suite = Suite.clear
        if case .twoSums = sabotage { suite = .secagg }
        try self.init(drawnFrom: seed, suite: suite)
        self.sabotage = sabotage
        switch sabotage {
        case .forgetfulJournal, .doubleCounting, .earlyReceipt, .wrongBit, .twoSums: break
        case .smallSum:
            // A cloud of three is away for good: with two of them no sum is to be opened.
            (kind, plan.clouds, plan.quorum, plan.minimum, plan.askedMinimum) = (.rough, 3, 2, 3, 2)
            (plan.deadlineSeconds, plan.attempts) = (10, nil)
            faults = [TimedFault(at: 0, fault: .cutCloud(try CloudName(Schedule.cloudNames[0]), milliseconds: 25_000))]
            (healedBy, lateStarts, plan.ingests) = (30_000, [:], false)
        case .lostContribution:
            (kind, plan.clouds, plan.quorum, plan.minimum) = (.rough, 4, 3, 3)
            (plan.deadlineSeconds, plan.attempts) = (10, nil)
            (faults, lateStarts, plan.ingests) = ([], [:], false)
        }
    }
}
