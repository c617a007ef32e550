import Encryption
import Federation
import Keys
import Monitoring
import Privacy
import Publication
import Sodium
import StageKit
import Topology

/// Opens rounds, opens the sum of each, applies it, publishes what came of it, and opens the next; until the plan is done.
/// Everything it decides is in its journal before anyone hears of it, so a restart goes on where it was.
@StageActor
final class PublishStage: Stage {
    let context: StageContext
    let configuration: PublishConfiguration
    let topology: Topology
    var keys: KeyChoice
    var opener: SumOpener { keys.opener }
    let model: PublishedModel
    let store: ReleaseWriter?
    var releases = PublishedReleases()
    var current: Signed<Opening>?
    var closing = RoundClosing()
    /// Under `secagg` alone, while a round is open.
    var unmasking: RoundUnmasking?
    /// When the round is given up for want of clouds' shares; from when its sum is here.
    var sharesBy: ContinuousClock.Instant?
    var isOpening = false
    /// When it is tried again to open the next round, which lacks its key.
    var openBy: ContinuousClock.Instant?
    var attempts = StepAttempts(after: RoundNumber(0))
    /// When the step is tried again whose last round was given up.
    var retryBy: ContinuousClock.Instant?
    /// When the open round is given up for want of any word of aggregate.
    var wordBy: ContinuousClock.Instant?
    /// The next round is left to a successor.
    var isHeldBack = false
    var isDone = false
    /// Stages that have not said that they have heard the end.
    var unheard: Set<StageName> = []
    var endBy: ContinuousClock.Instant?
    /// Which values are encrypted, once a sensitivity round has told; nil where all are.
    var mask: ValueMask?
    /// What the clouds' weights come from, where they follow more than records.
    var worth = CloudWorth()
    /// How fast the clouds are, and what is expected of the open round.
    var paces = CloudPaces()
    var expectation: Expectation?
    var recent = RecentUpdates()
    /// What updates have told, and may have told.
    var ledger = PrivacyLedger()
    /// Why no more updates are made, once a budget is used up.
    var overspending: String?

    init(_ parts: StageParts<PublishConfiguration>, _ means: PublishMeans) throws {
        context = parts.context
        configuration = parts.configuration
        topology = parts.topology
        keys = means.keys
        model = try PublishedModel(parts, untrained: means.model)
        store = try ReleaseWriter(parts, model: model)
    }

    var situation: Situation {
        if endBy != nil {
            return .waiting(for: unheard.sorted(), "the run is over, and they have not said that they know it")
        }
        guard let content = current?.content else {
            return retryBy == nil ? .working("between rounds") : pauseSituation
        }
        let ended = overspending.map { "; no more updates: \($0)" } ?? ""
        let round = "round \(content.round) (\(content.purpose)\(ended))"
        if isOpening { return .working("\(round): opening the sum") }
        guard closing.sum != nil else {
            return .waiting(for: [topology.aggregate], "\(round): the sum of the contributions")
        }
        let helped = unmasking?.helpers ?? Set(closing.shares.keys)
        let missing = content.cohort.map(\.cloud).filter { !helped.contains($0) }
        return .waiting(
            for: missing.map { StageName(cloud: $0, kind: .encrypt) },
            "\(round): the clouds' help to open the sum, \(helped.count) of \(unmasking?.threshold ?? opener.threshold) needed"
        )
    }

    func start() async throws {
        releases = try PublishedReleases(in: context, adapter: model.round)
        try takeUpMask()
        try takeUpRecentUpdates()
        try takeUpLedger()
        worth = try context.journal.read { try $0.fact(CloudWorth.fact) }.map { try CloudWorth(encoded: $0) } ?? worth
        paces = try context.journal.read { try $0.fact(CloudPaces.fact) }.map { try CloudPaces(encoded: $0) } ?? paces
        try sendAdapterToNewcomers()
        warn()
        try takeUpAttempts()
        guard let opening = try context.latestOpening(), try context.isOpen(opening) else { return try openNext() }
        do {
            try keys.resume(opening.content)
            try moveIfNeeded(opening)
            try beginUnmasking(opening)
            current = opening
            // The round has what is left of its time, by the time of day: no more than a round may take, should that have been set.
            let (end, now) = (opening.content.deadline, context.surroundings.time)
            wait(for: min(end > now ? .milliseconds(Int64(min(end - now, 1 << 53))) : .zero, configuration.deadline))
        } catch {
            try abandon(opening, missing: [], reason: "publish cannot open its sum any more: \(error)", settling: nil)
        }
    }

    /// Aggregate tells of a missed quorum; this is for when aggregate itself is gone. Its word takes its time.
    func wait(for time: Duration) { wordBy = context.surroundings.now + time + .seconds(15) }

    func tick() async throws {
        if isHeldBack, !context.isAskedToHandOver { return try openNext() }
        if let retryBy, current == nil, !isOpening, context.surroundings.now >= retryBy { return try openNext() }
        if let openBy, current == nil, !isOpening, context.surroundings.now >= openBy { return try openNext() }
        if let current, let sharesBy, !isOpening, context.surroundings.now >= sharesBy {
            let helped = unmasking?.helpers ?? Set(closing.shares.keys)
            return try abandon(
                current, missing: current.content.cohort.map(\.cloud).filter { !helped.contains($0) },
                reason:
                    "too few clouds helped to open the sum: \(helped.count) of \(unmasking?.threshold ?? opener.threshold)",
                settling: nil)
        }
        if let endBy, context.surroundings.now >= endBy {
            context.log.tell(
                .endUnheard,
                [
                    .missing: .list(unheard.sorted().map { .name($0) }),
                    .waitedSeconds: .seconds(configuration.endGrace),
                    .reason: .text("they hear of it when they and publish are started again"),
                ])
            context.end(.success(()))
            self.endBy = nil
        }
        guard let current, let wordBy, !isOpening, closing.sum == nil, context.surroundings.now > wordBy else { return }
        try abandon(
            current, missing: [topology.aggregate.cloud],
            reason: "\(topology.aggregate) has not been heard of since the deadline", settling: nil)
    }
}
