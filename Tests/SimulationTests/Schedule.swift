import Federation
import SeededRandom

/// What is done to a simulated federation, all of it drawn from one seed.
struct Schedule: Sendable {
    /// What the run is like, faults apart.
    struct Plan: Hashable, Sendable {
        var clouds = 3
        var updates = 2
        var suite = Suite.clear
        /// Nil: the whole cohort.
        var quorum: Int?
        var minimum = 3
        var values = 16
        /// Ends with an evaluation, whose vectors are 64 KiB.
        var evaluates = false
        /// With ingest stages, which read no tables here, and have to hear of the end as all others.
        var ingests = false
        /// Of a round.
        var deadlineSeconds = 120
        /// Of a step, until publish gives the run up; nil: never.
        var attempts: Int?
        /// publish's `pace`; empty: synchronous.
        var pace = ""
        /// Of the first cloud, and how its records are shared out where it ingests.
        var workers = 1
        var partition = "fixed"
        /// What configs ask for instead of `minimum`, where that is what is broken on purpose.
        var askedMinimum: Int?
    }

    enum Fault: Sendable, Hashable {
        /// At the so-many-th edge from now: a commit, a message that leaves, a piece of work that begins or ends, an event.
        case crash(StageName, edge: Int, powerLoss: Bool, downFor: Int)
        /// All stages of a cloud at once.
        case crashCloud(CloudName, powerLoss: Bool, downFor: Int)
        /// A successor takes over as soon as nothing is in hand.
        case handOver(StageName)
        /// A connection breaks, and comes again by itself.
        case reset(StageName)
        /// The links of a stage, or of a cloud to the others, carry nothing; connections break.
        case cut(StageName, milliseconds: Int)
        case cutCloud(CloudName, milliseconds: Int)
        /// The link of one stage to another.
        case cutLink(StageName, StageName, milliseconds: Int)
        /// They carry nothing and do not break: everything comes late.
        case stall(StageName, milliseconds: Int)
        /// News are dropped, each with the chance of one in so many.
        case dropNews(StageName, oneIn: Int, milliseconds: Int)
        case jump(StageName, milliseconds: Int)
        /// A process stands still (SIGSTOP).
        case pause(StageName, milliseconds: Int)
    }

    struct TimedFault: Sendable {
        /// Milliseconds from the beginning.
        let at: Int
        let fault: Fault
    }

    /// What must come of it.
    enum Kind: Sendable {
        /// Full quorum, every fault healed before the deadline: as though nothing had happened.
        case mild
        /// Rounds may be abandoned, cohorts may be smaller: what is released is right, and once all is healed the run ends.
        case rough
    }

    var seed: UInt64
    var plan = Plan()
    var kind = Kind.mild
    var faults: [TimedFault] = []
    /// Milliseconds after which everything works again.
    var healedBy = 0
    /// When each stage starts, where it is not at once.
    var lateStarts: [StageName: Int] = [:]
    /// How far each stage's wall clock is off, in milliseconds, until all is healed.
    var skews: [StageName: Int] = [:]
    /// Parts in a million by which each stage's monotonic clock is fast.
    var drifts: [StageName: Int] = [:]
    /// Milliseconds that a message takes, at least and at most.
    var latency = 1...4
    /// Milliseconds that a piece of work takes at most.
    var longestWork = 40
    /// Milliseconds by which a cloud's training takes longer, at most.
    var slow: [CloudName: Int] = [:]
    /// Microseconds that a worker takes for each of its records, from a moment on.
    var perRecord: [StageName: [(from: Int, microseconds: Int)]] = [:]
    /// Beyond what ZeroMQ does: one message of work in so many is lost, comes twice, or comes out of order. 0: none.
    var wild = 0
    /// What is broken on purpose, to see that it is noticed.
    var sabotage: Sabotage?
    /// Events after which a run counts as one that does not end.
    var mostEvents = 400_000
    /// Seconds after which the stages' state is looked at, again and again; nil: never.
    var lookEvery: Int?

    enum Sabotage: Sendable, CaseIterable {
        /// A crash takes back what was journaled and synced.
        case forgetfulJournal
        /// Aggregate's journal forgets a contribution that is in the product, so that the same one comes in again.
        case doubleCounting
        /// A receipt leaves before anything is in the journal.
        case earlyReceipt
        /// Configs allow sums of fewer clouds than the run is to have.
        case smallSum
        /// A contribution is receipted, and never taken.
        case lostContribution
        /// A bit of the published adapter is another.
        case wrongBit
        /// A cloud has helped with another sum of a round than the others.
        case twoSums
    }
}

extension Schedule {
    /// The stages of a plan, in order.
    static func stages(clouds: Int, workers: Int = 1) throws -> [StageName] {
        let data = try cloudNames.prefix(clouds).map { try CloudName($0) }
        let office = try CloudName("office")
        let others = try (2..<max(workers, 1) + 1).map { StageName(cloud: data[0], role: try StageRole(worker: $0)) }
        return data.flatMap { cloud in [.ingest, .localTrain, .encrypt].map { StageName(cloud: cloud, kind: $0) } }
            + others
            + [StageName(cloud: office, kind: .aggregate), StageName(cloud: office, kind: .publish)]
    }

    static let cloudNames = ["east", "north", "south", "west", "xanadu"]

    /// The schedule of a seed.
    ///
    /// - Parameter workers: of the first cloud.
    init(drawnFrom seed: UInt64, suite: Suite = .clear, workers: Int = 1) throws {
        var random = SimulatedRandom(seed: seed)
        self.init(seed: seed)
        plan.suite = suite
        plan.workers = workers
        kind = random.isOne(in: 2) ? .mild : .rough
        plan.clouds = random.isOne(in: 4) ? 4 + Int.random(in: 0...1, using: &random) : 3
        plan.updates = [2, 2, 3, 4][Int.random(in: 0..<4, using: &random)]
        plan.ingests = random.isOne(in: 4)
        if random.isOne(in: 20) { (plan.evaluates, plan.updates) = (true, plan.updates - 1) }
        switch Int.random(in: 0..<200, using: &random) {
        case 0: plan.values = 90_000
        case 1...4: plan.values = 40_000
        default: break
        }
        if random.isOne(in: 4) { latency = 20...220 } else if random.isOne(in: 4) { latency = 1...40 }
        longestWork = [5, 40, 400, 3000][Int.random(in: 0..<4, using: &random)]
        if random.isOne(in: 3) { wild = [8, 30, 100][Int.random(in: 0..<3, using: &random)] }
        let stages = try Schedule.stages(clouds: plan.clouds, workers: workers).filter {
            plan.ingests || $0.kind != .ingest
        }
        let span: Int
        switch kind {
        case .mild:
            plan.deadlineSeconds = 240
            span = [200, 600, 2_000, 6_000, 12_000][Int.random(in: 0..<5, using: &random)]
            for stage in stages { skews[stage] = Int.random(in: -5_000...5_000, using: &random) }
        case .rough:
            plan.deadlineSeconds = Int.random(in: 5...40, using: &random)
            span = [500, 2_000, 8_000, 30_000, 60_000][Int.random(in: 0..<5, using: &random)]
            if plan.clouds > 3, random.isOne(in: 2) { plan.quorum = plan.clouds - 1 }
            if plan.clouds == 3, suite == .clear, random.isOne(in: 3) { (plan.quorum, plan.minimum) = (2, 2) }
            for stage in stages where random.isOne(in: 3) {
                skews[stage] = Int.random(in: -400...400, using: &random) * plan.deadlineSeconds
            }
        }
        for stage in stages { drifts[stage] = Int.random(in: -500...500, using: &random) }
        for stage in stages where random.isOne(in: 8) {
            lateStarts[stage] = Int.random(in: 0...span / 2, using: &random)
        }
        let count = Int.random(in: 1...(kind == .mild ? 6 : 12), using: &random)
        faults = (0..<count).map { _ in
            TimedFault(
                at: Int.random(in: 0...span, using: &random),
                fault: Schedule.fault(among: stages, isMild: kind == .mild, &random))
        }.sorted { $0.at < $1.at }
        if suite == .secagg, kind == .mild {
            // Secrets of masks die with their process, and then the round is another: what is mild spares those who have any.
            faults = faults.map { timed in
                switch timed.fault {
                case .crash(let stage, _, _, _) where stage.kind == .encrypt || stage.kind == .publish:
                    TimedFault(at: timed.at, fault: .reset(stage))
                case .crashCloud(let cloud, _, let downFor):
                    TimedFault(at: timed.at, fault: .cutCloud(cloud, milliseconds: downFor))
                default: timed
                }
            }
        }
        healedBy = span + Int.random(in: 500...(kind == .mild ? 8_000 : 20_000), using: &random)
        drawClocks(span: span)
    }

    private static func fault(
        among stages: [StageName], isMild: Bool, _ random: inout SimulatedRandom
    ) -> Fault {
        let stage = stages[Int.random(in: 0..<stages.count, using: &random)]
        func milliseconds(_ most: Int) -> Int {
            Int.random(in: 1...(random.isOne(in: 2) ? min(most, 1_000) : most), using: &random)
        }
        let longest = isMild ? 8_000 : 30_000
        switch Int.random(in: 0..<16, using: &random) {
        case 0...6:
            return .crash(
                stage, edge: Int.random(in: 1...30, using: &random), powerLoss: random.isOne(in: 3),
                downFor: milliseconds(longest))
        case 7: return .crashCloud(stage.cloud, powerLoss: random.isOne(in: 2), downFor: milliseconds(longest))
        case 8: return .handOver(stage)
        case 9: return .reset(stage)
        case 10: return .cut(stage, milliseconds: milliseconds(longest))
        case 11: return .cutCloud(stage.cloud, milliseconds: milliseconds(longest))
        case 12: return .stall(stage, milliseconds: milliseconds(9_000))
        case 13:
            return .dropNews(stage, oneIn: Int.random(in: 2...10, using: &random), milliseconds: milliseconds(longest))
        case 14: return .jump(stage, milliseconds: Int.random(in: -5_000...5_000, using: &random))
        default: return .pause(stage, milliseconds: milliseconds(isMild ? 8_000 : 25_000))
        }
    }
}
