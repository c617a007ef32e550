package import Federation
internal import Monitoring

/// A federation as its events tell it: what every picture draws from. A value: the same events, in the same order, give the
/// same view; what it holds is bounded whatever comes in.
package struct FederationView: Sendable, Equatable {
    /// How much is kept, and the oldest goes first.
    package struct Limits: Sendable, Equatable {
        package var rounds = 200
        package var spansOfRound = 2000
        package var points = 2000
        package var events = 400
        package var warnings = 50
        /// Of each stage.
        package var tail = 200
        package var losses = 240
        package var pairs = 2048
        /// Of each link's goodput.
        package var linkPoints = 120

        package init() {}
    }

    /// A point of the learning curve: what an evaluation released.
    package struct Score: Sendable, Equatable {
        package let round: UInt32
        /// `validation` or `test`.
        package let split: String
        package let auroc: Double?
        package let logLoss: Double?
        /// Update rounds that had been released before it.
        package let updates: Int
    }

    /// A point of the training's losses: the clouds' mean in an update round.
    package struct LossPoint: Sendable, Equatable {
        package let round: UInt32
        package let mean: Double
    }

    /// What went from one stage to another.
    package struct Pair: Sendable, Hashable {
        package let from: StageName
        package let to: StageName

        package init(from: StageName, to: StageName) {
            self.from = from
            self.to = to
        }
    }

    /// A point of a link's series: an event `link_measured`.
    package struct LinkPoint: Sendable, Equatable {
        package let time: UInt64
        /// Bytes a second.
        package let goodput: Double
    }

    package struct Traffic: Sendable, Equatable {
        package internal(set) var bytes = 0.0
        package internal(set) var transfers = 0
        package internal(set) var lastAt: UInt64 = 0
        package internal(set) var meter = RateMeter(seconds: 16)
    }

    /// What the stages measure of a link between two of them, where somebody asks them for it.
    package struct LinkReading: Sendable, Equatable {
        /// Sent from the first to the second, before CURVE.
        package let bytes: Double
        package let roundTripSeconds: Double?
        package let bytesPerSecond: Double?
        package let isUp: Bool
        package let leastRoundTripSeconds: Double?
        /// As its receiver measures it: RFC 3550's, of beats.
        package let jitterSeconds: Double?
        /// Bytes a second as their receiver measures them, and when it last did, in seconds since 1970.
        package let goodput: Double?
        package let measuredAt: Double?

        package init(
            bytes: Double, roundTripSeconds: Double?, bytesPerSecond: Double?, isUp: Bool,
            leastRoundTripSeconds: Double? = nil, jitterSeconds: Double? = nil, goodput: Double? = nil,
            measuredAt: Double? = nil
        ) {
            self.leastRoundTripSeconds = leastRoundTripSeconds
            self.jitterSeconds = jitterSeconds
            self.goodput = goodput
            self.measuredAt = measuredAt
            self.bytes = bytes
            self.roundTripSeconds = roundTripSeconds
            self.bytesPerSecond = bytesPerSecond
            self.isUp = isUp
        }
    }

    package let plan: FederationPlan
    package let limits: Limits
    /// In the order of the plan.
    package internal(set) var stages: [StageView]
    /// In the order of their numbers.
    package internal(set) var rounds: [RoundView] = []
    package internal(set) var scores: Ring<Score>
    package internal(set) var losses: Ring<LossPoint>
    package internal(set) var events: Ring<EventNote>
    /// Warnings and errors alone.
    package internal(set) var warnings: Ring<EventNote>
    package internal(set) var traffic: [Pair: Traffic] = [:]
    package internal(set) var readings: [Pair: LinkReading] = [:]
    package internal(set) var series: [Pair: Ring<LinkPoint>] = [:]
    /// Nil where nothing is known of it.
    package internal(set) var cost: RunCost?
    package internal(set) var stepsDone = 0
    package internal(set) var planSteps = 0
    static let longestMethod = 1000
    /// How updates come about, in words; empty until one has been opened.
    package internal(set) var method = ""
    /// Nil where updates are made without noise.
    package internal(set) var privacy: SpentPrivacy?
    package internal(set) var released = 0
    package internal(set) var abandoned = 0
    package internal(set) var isFinished = false
    /// The newest time that an event had.
    package internal(set) var newest: UInt64 = 0
    package internal(set) var eventCount: UInt64 = 0
    var eventMeter = RateMeter(seconds: 64)
    var byteMeter = RateMeter(seconds: 64)
    var valueMeter = RateMeter(seconds: 64)
    var updates = 0
    private let places: [StageName: Int]

    package init(_ plan: FederationPlan, limits: Limits = Limits()) {
        self.plan = plan
        self.limits = limits
        stages = plan.stages.map { StageView($0, limits: limits) }
        places = Dictionary(
            plan.stages.enumerated().map { ($0.element, $0.offset) }, uniquingKeysWith: { first, _ in first })
        scores = Ring(limits.points)
        losses = Ring(limits.points)
        events = Ring(limits.events)
        warnings = Ring(limits.warnings)
    }

    package func stage(_ name: StageName) -> StageView? { places[name].map { stages[$0] } }
    func place(of name: StageName) -> Int? { places[name] }

    /// The newest round that has neither been released nor abandoned.
    package var openRound: RoundView? { rounds.last(where: \.isOpen) }

    package func round(_ number: UInt32) -> RoundView? { rounds.first { $0.number == number } }

    // MARK: Rates

    package struct Rates: Sendable, Equatable {
        package let events: Double
        /// Sent in transfers that were taken.
        package let bytes: Double
        /// Sealed.
        package let values: Double
    }

    package func rates(at now: UInt64) -> Rates {
        Rates(
            events: eventMeter.perSecond(at: now), bytes: byteMeter.perSecond(at: now),
            values: valueMeter.perSecond(at: now))
    }

    /// Bytes sent in each of the last seconds.
    package func byteSeries(at now: UInt64, over seconds: Int) -> [Double] {
        byteMeter.series(at: now, over: seconds)
    }

    // MARK: What is missing

    /// Somebody whom a stage or a round waits for.
    package struct Wait: Sendable, Equatable {
        package let who: StageName
        package let awaited: [String]
        package let what: String
        package let since: UInt64?
    }

    /// Who waits for whom, those who have waited longest first; what publish and aggregate wait for explains the rest, so
    /// they come before the others.
    package var waits: [Wait] {
        stages.compactMap { stage -> Wait? in
            guard case .waiting(let awaited, let what) = stage.state, !awaited.isEmpty else { return nil }
            return Wait(who: stage.name, awaited: awaited, what: what, since: stage.since)
        }.sorted { left, right in
            func rank(_ wait: Wait) -> (Int, UInt64) { (wait.who.kind >= .aggregate ? 0 : 1, wait.since ?? .max) }
            return rank(left) < rank(right)
        }
    }

    /// Clouds without which the open round cannot close.
    package var missing: [String] { openRound?.awaited ?? [] }

    // MARK: Taking what is not an event

    /// What the launcher of this host says of a stage's process; nil where it knows of none.
    package mutating func take(_ report: ProcessReport?, of stage: StageName) {
        guard let place = places[stage] else { return }
        stages[place].process = report
    }

    /// Events of a stage that its spool no longer had.
    package mutating func lost(_ count: UInt64, of stage: StageName) {
        guard let place = places[stage] else { return }
        stages[place].lose(count)
    }

    /// The link between two clouds that is known to carry least.
    package var slowestLink: (from: CloudName, to: CloudName, reading: LinkReading)? {
        readings.filter { $0.key.from.cloud != $0.key.to.cloud && $0.value.goodput != nil }
            .min { ($0.value.goodput ?? 0, $0.key.from, $0.key.to) < ($1.value.goodput ?? 0, $1.key.from, $1.key.to) }
            .map { ($0.key.from.cloud, $0.key.to.cloud, $0.value) }
    }

    package mutating func take(_ cost: RunCost?) { self.cost = cost ?? self.cost }

    package mutating func take(_ reading: LinkReading, of pair: Pair) {
        guard places[pair.from] != nil, places[pair.to] != nil,
            readings[pair] != nil || readings.count < limits.pairs
        else { return }
        readings[pair] = reading
    }
}
