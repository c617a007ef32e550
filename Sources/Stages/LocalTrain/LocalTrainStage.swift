import Adapter
import Federation
import FineTuning
import Monitoring
import Sodium
import StageKit
import Synchronization
import Tokenization
import Torch

/// Holds its cloud's token shards, trains the adapter of each opening on them, scores the held-out ones, and hands clear
/// vectors to encrypt, inside the cloud. One job at a time; a job that a newer opening has overtaken is dropped.
@StageActor
final class LocalTrainStage: Stage {
    let context: StageContext
    let trainer: any Trainer
    let needsShards: Bool
    /// The ordinals of its cloud's workers, by the topology.
    let workers: [Int]
    let encrypt: StageName
    private(set) var shards = HeldShards()
    /// The newest two at most: openings start from the newest, and may tell what lies between it and the one before.
    var adapters: [RoundNumber: HeldAdapter] = [:]
    private var pending: Signed<Opening>?
    private var job: Job?

    /// What its one thread does.
    private enum Job: String { case training, scoring, judging = "judging the adapter that it starts from" }

    init(context: StageContext, trainer: any Trainer, needsShards: Bool, workers: [Int]) {
        self.workers = workers
        self.context = context
        self.trainer = trainer
        self.needsShards = needsShards
        encrypt = StageName(cloud: context.stage.cloud, kind: .encrypt)
    }

    func start() async throws {
        try takeUpAdapters()
        guard let opening = try context.latestOpening(), try context.isOpen(opening) else { return }
        pending = opening
        // Where it needs neither shards nor an adapter, nothing that comes later would set it to work again.
        try beginIfReady()
    }

    func opened(_ opening: Signed<Opening>) async throws {
        pending = opening
        try beginIfReady()
    }

    // The last adapter need not be fetched here: it is published as a folder.
    func released(_ release: Signed<Release>) async throws { try forget(release.content.round) }

    func abandoned(_ abandonment: Signed<Abandonment>) async throws { try forget(abandonment.content.round) }

    private func forget(_ round: RoundNumber) throws {
        if let pending, pending.content.round <= round { self.pending = nil }
        try context.cancel(.vector) { $0.round == round }
    }

    var situation: Situation {
        if needsShards, !shards.isWhole {
            return .waiting(for: [StageName(cloud: context.stage.cloud, kind: .ingest)], "token shards")
        }
        guard let content = pending?.content else {
            return .waiting(for: [context.publisher], "no round is open")
        }
        let round = "round \(content.round) (\(content.purpose))"
        guard content.purpose == .update || context.stage.ordinal == 1 else {
            return .waiting(for: [context.publisher], "\(round): this cloud's first local-train answers it")
        }
        if let job { return .working("\(round): \(job.rawValue)") }
        if content.startsFrom.value > 0, adapters[content.startsFrom]?.digest != content.adapterDigest {
            return .waiting(for: [context.publisher], "\(round) starts from an adapter that is not here yet")
        }
        if context.pendingDepartures > 0 {
            return .waiting(for: [encrypt], "\(round): it has not taken the vector yet")
        }
        return .waiting(for: [context.publisher], "\(round): this cloud has done its part")
    }

    // MARK: What comes in

    func verdict(on offer: Offer, from sender: StageName) -> Verdict {
        switch offer.name.kind {
        case .shard:
            guard sender == StageName(cloud: context.stage.cloud, kind: .ingest), offer.name.cloud == sender.cloud
            else {
                return .refuse("\(sender) may not send shards here")
            }
            do {
                let about = try ShardAbout(offer.about)
                guard Int(offer.name.round.value) == about.partition?.number ?? 0 else {
                    return .refuse("it is not of the partition that its name says")
                }
            } catch { return .refuse("\(error)") }
            if let newest = shards.newest, offer.name.round.value < newest {
                return .over("a newer partition of this cloud's records is here")
            }
            return .take
        case .adapter:
            guard sender == context.publisher else { return .refuse("only \(context.publisher) sends adapters") }
            do { if let verdict = try verdict(onChange: offer) { return verdict } } catch { return .refuse("\(error)") }
            // Training starts at once: a round should not wait for this disk, and publish keeps the adapter until it is synced.
            return .check
        default: return .refuse("\(offer.name.kind.rawValue)s have no business here")
        }
    }

    func arrived(_ arrival: Arrival) async throws {
        switch arrival.offer.name.kind {
        case .shard:
            do {
                let shard = try TokenShard(bytes: try arrival.payload.read())
                let useless = shards.take(shard, arrival.offer.name, try ShardAbout(arrival.offer.about))
                if !useless.isEmpty { try context.journal.note { for name in useless { try $0.settle(name) } } }
                context.log.tell(
                    .shardReceived, [.shardSplit: .name(shard.split.rawValue), .examples: .number(shard.count)])
            } catch let error as TokenizationError {
                context.log.tell(.shardRefused, [.reason: .text("\(error)")])
            }
        case .adapter:
            guard try AdapterAbout(arrival.offer.about).change == nil else { return try change(by: arrival) }
            let round = arrival.offer.name.round
            adapters[round] = HeldAdapter(digest: arrival.offer.digest, payload: arrival.payload)
            context.begin { [context] in try await context.keep(arrival) }
            try forgetAdapters()
        default: break
        }
        try beginIfReady()
    }

    // MARK: Work

    func beginIfReady() throws {
        guard job == nil, let opening = pending, opening.content.member(context.stage.cloud) != nil,
            opening.content.purpose != .statistics, try isPlaced(for: opening.content)
        else { return }
        let content = opening.content
        let isHandedOver = try isHandedOver(content)
        if !isHandedOver, let held = try usable(for: content) {
            job = .training
            return context.begin { [self] in
                try await handOver(held, for: opening) { pending?.digest == opening.digest }
                job = nil
                try beginIfReady()
            }
        }
        let adapter = adapters[content.startsFrom]
        guard content.startsFrom.value == 0 || adapter?.digest == content.adapterDigest,
            !isHandedOver
        else { return }
        let start = StartingAdapter(
            payload: try content.startsFrom.value == 0 ? nil : adapter?.payload.opened(), own: try own())
        job = content.purpose == .evaluation ? .scoring : .training
        context.begin { [self] in
            do {
                try trainer.check(content)
                try await check(content, start)
                try await work(opening, from: start)
                try await judge(opening, from: start)
            } catch let error where Self.concernsRound(error) {
                // Not fit for this round (another base model, say), or training went astray, as it would again: this cloud
                // sits it out, the reason is on record.
                context.log.tell(.openingRefused, round: content.round, [.reason: .text("\(error)")])
                if pending?.digest == opening.digest { pending = nil }
            }
            // Not deferred: the next job may begin here, and it is that one's flag then.
            job = nil
            try beginIfReady()
        }
    }

    /// Everything else (the disk, the journal, the engine) is this stage's own trouble, and ends it.
    private static func concernsRound(_ error: any Error) -> Bool {
        switch error {
        case let error as StageError: error.exitStatus != .internal
        case is FineTuningError, is AdapterError: true
        default: false
        }
    }

    private func work(_ opening: Signed<Opening>, from start: StartingAdapter) async throws {
        let made: (payload: Payload, digest: Digest)
        var own: (payload: Payload, digest: Digest)?
        var (loss, trained): (Double?, Duration?) = (nil, nil)
        var unit: PrivacyPlan.Unit?
        let content = opening.content
        let train = try shard(.train)
        // What comes meanwhile is for the next vector.
        let (name, partition) = (try vector(content), try partition)
        switch content.purpose {
        case .update: (made, own, trained, unit) = try await update(content, name, from: start, train: train)
        case .evaluation: (made, loss) = try await evaluation(content, name, of: start)
        case .sensitivity: made = try await sensitivity(content, name, of: start, train: train)
        case .statistics: return
        }
        let about = VectorAbout(
            // Where there are others, the first worker answers for all in every other round.
            opening: opening.digest,
            records: (content.purpose == .update ? nil : partition?.records) ?? train?.count ?? 0,
            loss: loss.flatMap(Weighting.loss),
            trained: trained.map(Weight.milliseconds), unit: unit,
            partition: content.purpose == .update ? partition : nil)
        guard pending?.digest == opening.digest else {  // overtaken
            guard try !holdLate(made.payload, digest: made.digest, about, of: content, own, opening) else { return }
            own?.payload.discard()
            return context.discard(made.payload)
        }
        let offer = context.offer(name, payload: made.payload, digest: made.digest, about: about)
        // Journaled until encrypt has sealed it: training may have taken hours, and a kill must not undo it. A loss of power
        // may; then this cloud trains again.
        try context.sendUnsynced(Departure(offer: offer, receiver: encrypt, payload: made.payload)) {
            try keep(own: own, of: opening, $0)
            try hold(made.payload, digest: made.digest, about, of: content, isOffered: true, $0)
        }
    }

    private func update(
        _ content: Opening, _ name: TransferName, from start: StartingAdapter, train: TokenShard?
    ) async throws -> (
        made: (payload: Payload, digest: Digest), own: (payload: Payload, digest: Digest)?, trained: Duration,
        unit: PrivacyPlan.Unit?
    ) {
        let (trainer, log, batch) = (trainer, context.log, try batch(content))
        let ownName = ownName(content.round)
        let clock = context.surroundings
        let began = clock.now
        var begun: EventFields = [
            .examples: .number(train?.count ?? 0),
            .planSteps: .number(content.training?.steps(of: context.stage.cloud) ?? 0),
        ]
        if let compute = trainer.compute {
            begun[.precision] = .name(compute.precision.rawValue)
            begun[.device] = .name("\(compute.device)")
        }
        log.tell(.trainingStarted, round: content.round, begun)
        let (result, made, own) = try await context.offload {
            [context] () -> (TrainerResult, (payload: Payload, digest: Digest), (payload: Payload, digest: Digest)?) in
            let throttle = ProgressThrottle()
            let writer = context.payloadWriter(for: name, isSynced: false)
            let report: @Sendable (TrainerProgress) -> Void = { progress in
                guard throttle.isDue(progress) else { return }
                log.tell(
                    .trainingProgress, round: content.round,
                    [
                        .step: .number(progress.step), .planSteps: .number(progress.steps), .loss: .real(progress.loss),
                        .tokensPerSecond: .real(progress.tokensPerSecond), .secondsLeft: .seconds(progress.timeLeft),
                    ])
            }
            let result = try trainer.train(
                content, from: start, on: train, batch: batch, progress: report, delta: writer.append)
            guard !result.own.isEmpty else { return (result, try writer.finish(), nil) }
            let keeper = context.payloadWriter(for: ownName)
            try result.own.withUnsafeBytes(keeper.append)  // this platform is little-endian
            return (result, try writer.finish(), try keeper.finish())
        }
        let took = clock.now - began
        let fields: EventFields = [
            .seconds: .seconds(took),
            .firstLoss: .real(result.firstLoss), .lastLoss: .real(result.lastLoss),
            .tokens: .number(result.tokens),
            .tokensPerSecond: .real(result.tokensPerSecond), .deltaNorm: .real(result.norm),
            .clipNorm: .real(content.clipNorm),
        ]
        log.tell(.roundTrained, round: content.round, fields)
        return (made, own, took, result.unit)
    }

    /// What the adapter that an update started from is worth on this cloud's validation split: the federation's, not this cloud's.
    /// After the update is on its way, as the round waits for that; and only while nothing else does.
    private func judge(_ opening: Signed<Opening>, from start: StartingAdapter) async throws {
        let content = opening.content
        guard content.purpose == .update, pending?.digest == opening.digest, let validation = try shard(.validation)
        else { return }
        job = .judging
        let (trainer, began) = (trainer, context.surroundings.now)
        let loss = try await context.offload { try trainer.loss(content, of: start, on: validation) }
        context.log.tell(
            .adapterJudged, round: content.round,
            [.seconds: .seconds(context.surroundings.now - began), .receivedAdapterLoss: .real(loss)])
    }

    private func sensitivity(
        _ content: Opening, _ name: TransferName, of start: StartingAdapter, train: TokenShard?
    ) async throws -> (payload: Payload, digest: Digest) {
        let trainer = trainer
        let began = ContinuousClock.now
        let values = try await context.offload {
            SensitivityVector.scaled(try trainer.sensitivities(content, of: start, on: train))
        }
        context.log.tell(
            .sensitivitiesMeasured, round: content.round,
            [.values: .number(values.count), .seconds: .seconds(ContinuousClock.now - began)])
        let bytes = ClearVector.bytes(values)
        return (try context.spool(bytes, for: name), Digest(ofContent: bytes))
    }

    private func evaluation(
        _ content: Opening, _ name: TransferName, of start: StartingAdapter
    ) async throws -> (made: (payload: Payload, digest: Digest), loss: Double?) {
        let trainer = trainer
        let held = try shard(content.split == .test ? .test : .validation)
        let began = ContinuousClock.now
        let (scores, loss) = try await context.offload { () -> ([Float], Double?) in
            // Nobody is told a loss on the test split.
            let loss = content.split == .validation ? try trainer.loss(content, of: start, on: held) : nil
            return (try trainer.scores(content, of: start, on: held), loss)
        }
        context.log.tell(
            .roundScored, round: content.round,
            [.examples: .number(scores.count), .seconds: .seconds(ContinuousClock.now - began)])
        let bytes = ClearVector.bytes(ScoreBins.histograms(scores: scores, died: held?.label.map { $0 == 1 } ?? []))
        return ((try context.spool(bytes, for: name), Digest(ofContent: bytes)), loss)
    }

    /// All examples of a split, in the order of the shards.
    private func shard(_ split: TokenShard.Split) throws -> TokenShard? {
        try shards.joined(split, cloud: context.stage.cloud)
    }

    func receipted(_ delivery: Delivery) async throws {
        guard delivery.outcome == .refused else { return }
        if delivery.reason == Receipt.otherPartition {
            try takeBack(delivery.name)
        } else if delivery.reason != Receipt.roundOver {
            try refusedByEncrypt(delivery.name.round, delivery.reason)
            context.log.tell(.vectorRefused, round: delivery.name.round, [.reason: .text(delivery.reason)])
        }
    }
}

/// Lets a progress event through about once a second, and the last one always.
private final class ProgressThrottle: Sendable {
    private let last = Mutex(ContinuousClock.now)

    func isDue(_ progress: TrainerProgress) -> Bool {
        last.withLock { last in
            let now = ContinuousClock.now
            guard progress.step == progress.steps || now - last >= .seconds(1) else { return false }
            last = now
            return true
        }
    }
}
