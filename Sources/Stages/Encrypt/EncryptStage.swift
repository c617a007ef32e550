import Encryption
import Federation
import Monitoring
import Sodium
import StageKit

/// Seals what its cloud has to say in a round, keeps the sealed bytes until aggregate holds them, and answers no opening that
/// its own configuration does not allow.
@StageActor
final class EncryptStage: Stage {
    let context: StageContext
    let configuration: EncryptConfiguration
    private let rounding: SecretBytes
    private let suite: Suite
    /// Nil but under `paillier`.
    private var keys: KeySearch<SealingKey>?
    /// This cloud helps to open sums.
    let cloudsOpen: Bool
    /// The one that this cloud's topology has, and that it dials.
    let aggregate: StageName
    var current: Round?
    private let isIdle = IdleFlag()
    private var history: CohortHistory
    private let clouds: [CloudName]
    /// How many clouds must open a sum, by this cloud's topology.
    let threshold: Int
    /// The ordinals of this cloud's workers, by its topology.
    let workers: [Int]
    /// Ingest shares records out by what the workers took.
    let tellsSpeeds: Bool
    /// Why this cloud's privacy leaves no room for the newest opening.
    var unanswerable: String?

    struct Round: Sendable {
        let opening: Signed<Opening>
        /// Whose the sum is; only that aggregate is sent to, and heard.
        var seat: Seat
        /// Nil under `secagg` until the clouds have agreed on masks.
        var scheme: RoundScheme?
        /// The key that the opening names, whatever others have come since.
        let key: SealingKey?
        /// Under `secagg` alone.
        var masking: RoundMasking?
        /// Vectors that came before there was a scheme to seal them with, or before all workers' were there.
        var waiting = WorkerVectors()
        var isSealing = false
        var sum = SumToOpen()
    }

    init(
        context: StageContext, configuration: EncryptConfiguration, rounding: SecretBytes,
        suite: Suite, keys: KeySearch<SealingKey>?, cloudsOpen: Bool, aggregate: StageName, clouds: [CloudName],
        threshold: Int, workers: [Int], tellsSpeeds: Bool
    ) throws {
        self.workers = workers
        self.tellsSpeeds = tellsSpeeds
        history = CohortHistory(clouds: clouds)
        self.clouds = clouds
        self.threshold = threshold
        self.context = context
        self.configuration = configuration
        self.rounding = rounding
        self.suite = suite
        self.keys = keys
        self.cloudsOpen = cloudsOpen
        self.aggregate = aggregate
    }

    func start() async throws {
        warn()
        history = try takeUpHistory(clouds)
        for release in try context.releases() { note(release.content) }
        try settleResidual()
        try context.journal.note { try $0.cancelDepartures(to: .aggregate, but: [aggregate]) }
        if let opening = try context.latestOpening(), try context.isOpen(opening) { try take(opening) }
        if let key = keys?.found?.paillier {
            // The table takes a second or two: made before the first round needs it, while nobody waits.
            let threads = configuration.threads
            let log = context.log
            context.begin { [context] in
                let seconds = try await context.offload {
                    ContinuousClock().measure { _ = key.blindingTable(threads: threads) }
                }
                log.tell(.blindingTableReady, [.seconds: .seconds(seconds)])
            }
        }
    }

    func opened(_ opening: Signed<Opening>) async throws { try take(opening) }

    private func take(_ opening: Signed<Opening>) throws {
        let seat = try context.seat(of: opening)
        let content = opening.content
        guard content.member(context.stage.cloud) != nil else { return }
        do {
            try configuration.allow(content, cloud: context.stage.cloud)
            if let reason = content.refusal(ofWorkers: workers.count) { throw Refusal(reason) }
            // A round that it has joined is gone on with, though its topology may have other clouds since.
            let isJoined = try hasJoined(opening)
            if !isJoined {
                history.toldLoss = try toldLoss(in: history.newestValidation)
                try history.check(content)
            }
            try checkAnswersInClear(content)
            try checkPrivacy(content)
            let key = try keys?.key(content.keyID)
            if let threshold = key?.opening?.key.threshold, content.minimumCohort <= threshold {
                throw Refusal(
                    "it would have a sum of \(content.minimumCohort) clouds opened, which \(threshold) of them can open: each of those would learn what the others did not help with; raise publish's minimum-cohort"
                )
            }
            if let opens = key?.opening,
                !opens.isOf(content.cohort.map(\.cloud), context.stage.cloud)
                    || (!isJoined && opens.key.threshold != threshold)
            {
                throw Refusal(
                    "its key of sums was dealt to other clouds, or for another threshold, than this round has: `tributary deal --next` deals another"
                )
            }
            guard content.suite == suite else {
                throw EncryptionError.wrongSuite(expected: suite, found: content.suite)
            }
            try noteJoining(opening)
            history.tookPart(in: content.round)
            guard suite != .secagg else { return try takeMasked(opening, seat) }
            let scheme = try RoundScheme(content, key: key?.paillier, pool: key?.pool)
            current = Round(opening: opening, seat: seat, scheme: scheme, key: key)
            context.log.tell(.roundJoined, round: content.round, [.purpose: .name(content.purpose)])
            if let key { fill(key.pool, for: scheme) }
            warn(of: content)
        } catch  where Self.concernsOpening(error) {
            current = nil
            context.log.tell(.openingRefused, round: content.round, [.reason: .text("\(error)")])
            return
        }
        try offerContribution()
    }

    /// Everything else (the journal, the disk) is this stage's own trouble, and ends it.
    private static func concernsOpening(_ error: any Error) -> Bool {
        switch error {
        case is Refusal, is CohortHistory.Fault, is EncryptionError, is MaskingError, is ThresholdError,
            is FederationError:
            true
        default: false
        }
    }

    private func takeMasked(_ opening: Signed<Opening>, _ seat: Seat) throws {
        current = nil
        // Masks are agreed on over one aggregate, from the first word to the last.
        guard seat.aggregate == aggregate else { return tellElsewhere(opening, seat) }
        guard let masking = try makeMasking(for: opening) else { return }
        current = Round(opening: opening, seat: seat, scheme: nil, key: nil, masking: masking)
        let content = opening.content
        context.log.tell(.roundJoined, round: content.round, [.purpose: .name(content.purpose)])
    }

    /// Makes blinding for the round's vector while it is still being trained.
    private func fill(_ pool: BlindingPool, for scheme: RoundScheme) {
        guard scheme.pooledUnits > 0 else { return }
        isIdle.set(true)
        let (threads, units, log) = (configuration.threads, scheme.pooledUnits, context.log)
        context.begin { [context, isIdle] in
            let seconds = try await context.offload {
                try ContinuousClock().measure { try pool.fill(threads: threads, count: units) { isIdle.value } }
            }
            log.tell(.blindingPoolFilled, [.ciphertexts: .number(pool.count), .seconds: .seconds(seconds)])
        }
    }

    var remembrance: Remembrance { Remembrance(releases: history.deciding) }

    func released(_ release: Signed<Release>) async throws {
        note(release.content)
        try lookForOwn(in: release.content)
        try settleResidual()
        try forgetAnswers(before: release.content)
        try forgetTold(before: history.newestValidation)
        try leave(release.content.round)
        try sealWaiting()
    }

    private func note(_ release: Release) {
        do { try history.note(release) } catch {
            context.log.tell(.releaseInconsistent, round: release.round, [.reason: .text("\(error)")])
        }
    }

    func abandoned(_ abandonment: Signed<Abandonment>) async throws {
        try settleResidual()
        try leave(abandonment.content.round)
    }

    private func leave(_ round: RoundNumber) throws {
        guard let current, current.opening.content.round <= round else { return }
        let ended = current.opening.content.round
        try context.cancel(contribution(ended), to: aggregate)
        try context.journal.note {
            try $0.settleDeparture(contribution(ended), to: context.stage, as: "used", reason: "the round is over")
        }
        if cloudsOpen {
            try context.cancel(share(ended), to: context.publisher)
            for arrival in current.sum.unanswered { try context.refuse(arrival, Receipt.roundOver) }
        }
        try leaveMasks(of: current)
        for waiting in current.waiting.arrivals { try context.refuse(waiting, Receipt.roundOver) }
        self.current = nil
    }

    var situation: Situation { get throws { try present() } }

    private func present() throws -> Situation {
        guard let current else {
            return .waiting(
                for: [context.publisher],
                "no round is open that this cloud takes part in\(unanswerable.map { "; \($0)" } ?? "")")
        }
        let content = current.opening.content
        let round = "round \(content.round) (\(content.purpose))"
        let isSealed = try context.journal.read { try $0.hasDeparture(contribution(content.round)) }
        if current.isSealing, !isSealed { return .working("\(round): sealing") }
        guard current.seat.aggregate == aggregate else {
            return .waiting(
                for: [current.seat.aggregate],
                "\(round): its sum is made there, and this cloud's topology has \(aggregate): apply the topology that publish has"
            )
        }
        if context.isSending(.contribution) {
            return .waiting(for: [aggregate], "\(round): it has not taken the contribution yet")
        }
        if context.isSending(.share) {
            return .waiting(for: [context.publisher], "\(round): it has not taken this cloud's share yet")
        }
        if context.workInHand > 0 { return .working("\(round): computing") }
        if isSealed { return .waiting(for: [context.publisher], "\(round): this cloud has contributed") }
        if current.scheme == nil { return .waiting(for: [aggregate], "\(round): the clouds are agreeing on masks") }
        return .waiting(for: try makers(of: content), "\(round): the vector to seal")
    }

    func contribution(_ round: RoundNumber) -> TransferName {
        TransferName(run: context.run, kind: .contribution, round: round, cloud: context.stage.cloud)
    }

    func verdict(on offer: Offer, from sender: StageName) -> Verdict {
        let isVector =
            offer.name.kind == .vector && sender.cloud == context.stage.cloud
            && offer.name.cloud == sender.cloud
        let isOfSum =
            sender.kind == .aggregate
            && (offer.name.kind == .evidence || (offer.name.kind == .record && offer.name.cloud == sender.cloud))
        let isOfMasks =
            sender.kind == .aggregate && offer.name.cloud == sender.cloud
            && Self.masksOfAggregate.contains(offer.name.kind)
        guard isVector || isOfSum || isOfMasks else { return .refuse("\(sender) may not send \(offer.name) here") }
        guard let current else { return .later }
        let opening = current.opening.content
        guard offer.name.round == opening.round else {
            guard offer.name.round < opening.round else { return .later }
            return isVector ? .over(Receipt.roundOver) : .refuse("round \(offer.name.round) is over")
        }
        if isOfMasks || isOfSum {
            switch current.seat.standing(of: sender, sending: offer.name) {
            case .seated: break
            case .unknown: return .later
            case .unseated(let reason): return .refuse(reason)
            }
        }
        if isOfMasks {
            do { return try verdict(onMasks: offer, current) } catch { return .refuse("\(error)") }
        }
        if isOfSum {
            do { return try verdict(onSum: offer, current) } catch { return .refuse("\(error)") }
        }
        guard (sender.kind == .ingest) == (opening.purpose == .statistics) else {
            return .refuse("\(sender) has no part in a round for \(opening.purpose)")
        }
        do {
            let about = try VectorAbout(offer.about)
            guard about.opening == current.opening.digest else {
                return .refuse("it answers another opening of round \(opening.round)")
            }
            if let fault = try fault(inVectorOf: about.base, for: opening) { return .refuse(fault) }
            if let verdict = try verdict(onVector: offer.name, about, of: sender, current) { return verdict }
            guard about.unit == opening.privacy?.training?.unit else {
                return .refuse("it was not made under the noise that round \(opening.round) asks for")
            }
        } catch { return .refuse("\(error)") }
        let expected = opening.layout.count * ClearVector.width(for: opening.purpose)
        guard offer.byteCount == expected else {
            return .refuse("\(offer.byteCount) bytes, the layout of round \(opening.round) takes \(expected)")
        }
        // A clear vector never lies on this disk: what is kept is the contribution.
        return .borrow
    }

    func arrived(_ arrival: Arrival) async throws {
        guard var round = current, arrival.offer.name.round == round.opening.content.round else {
            return try context.refuse(arrival, Receipt.roundOver)
        }
        guard !arrival.offer.name.kind.isOfMasks else { return try arrived(ofMasks: arrival, round) }
        guard arrival.offer.name.kind == .vector else { return try arrived(ofSum: arrival, round) }
        let about = try VectorAbout(arrival.offer.about)
        guard try !hasContributed(to: round), round.waiting.isFree(for: arrival.peer) else {
            return try context.refuse(
                arrival,
                about.partition == nil ? "this cloud has contributed to the round already" : Receipt.roundOver)
        }
        let outdated = round.waiting.take(arrival, about)
        current = round
        for arrival in outdated { try context.refuse(arrival, Receipt.otherPartition) }
        try sealWaiting()
    }

    /// Seals the round's vector once it, of all workers who make one, and a scheme are there.
    func sealWaiting() throws {
        guard var round = current, try isComplete(round), let scheme = round.scheme,
            try !awaitsRelease(before: round.opening.content)
        else { return }
        let vectors = round.waiting
        round.waiting = WorkerVectors()
        round.isSealing = true
        isIdle.set(false)
        current = round
        context.begin { [self, round] in
            do { try await seal(vectors, scheme, round) } catch let error as EncryptionError {
                // Training that diverged, say: it would be the same again. The cloud is out of this round, not of the run.
                context.log.tell(.vectorRefused, round: round.opening.content.round, [.reason: .text("\(error)")])
                for arrival in vectors.arrivals { try context.refuse(arrival, "\(error)") }
                guard current?.opening.digest == round.opening.digest else { return }
                current?.isSealing = false
                guard round.masking != nil else { return }
                // Its masks are used up: the others need not wait.
                try withdraw(from: round.opening)
                current = nil
            }
        }
    }

    private func seal(_ vectors: WorkerVectors, _ scheme: RoundScheme, _ round: Round) async throws {
        let opening = round.opening.content
        guard let said = vectors.said else { return }
        let cloud = context.stage.cloud
        let (threads, rounding, run) = (configuration.threads, rounding, context.run)
        let name = contribution(opening.round)
        let residualName = Self.residualName(opening.round, cloud, context.run)
        let digest = round.opening.digest
        // Where clouds open sums, each shows that it knows what it put in, or it could pass another's off as its own.
        let recorded = cloudsOpen ? scheme.recording() : nil
        let scheme = recorded?.round ?? scheme
        let before = try residual(for: opening)
        let sealed = try await context.offload { [context] in
            let writer = context.payloadWriter(for: name)
            let weight = Float(opening.foldedWeight(of: cloud, base: said.base))
            let stochastic = StochasticRounding(secret: rounding, run: run, round: opening.round, cloud: cloud)
            var left: KeptResidual?
            let report = try vectors.withVector(of: opening) { bytes in
                guard let update = try CompressedUpdate(opening, delta: bytes, residual: before?.floats()) else {
                    let vector: RoundVector =
                        opening.purpose == .update
                        ? .update(bytes, weight: weight, rounding: stochastic) : .counts(bytes)
                    return try scheme.seal(vector, threads: threads) { try $0.withUnsafeBytes(writer.append) }
                }
                var quantised: [UInt32] = []
                defer { for index in quantised.indices { quantised[index] = 0 } }
                let report = try update.sent.withUnsafeBytes { sent in
                    try scheme.seal(
                        .update(sent, weight: weight, rounding: stochastic), threads: threads,
                        quantised: { quantised += $0 }
                    ) { try $0.withUnsafeBytes(writer.append) }
                }
                left = try update.residual(after: quantised, weight: weight).map {
                    try KeptResidual($0, context.payloadWriter(for: residualName))
                }
                return report
            }
            // Written and synced here too: nobody waits for the disk but this contribution.
            let (payload, contents) = try writer.finish()
            let proof = try recorded.map {
                try scheme.prove(
                    $0.witness, payload: report.encrypted ?? contents, context: RoundScheme.context(digest, cloud))
            }
            return (payload: payload, digest: contents, proof: proof ?? [], report: report, left: left)
        }
        // The round may have ended meanwhile; then this stays unsent.
        guard current?.opening.digest == round.opening.digest else {
            context.discard(sealed.payload)
            if let left = sealed.left { context.discard(left.payload) }
            for arrival in vectors.arrivals { try context.refuse(arrival, Receipt.roundOver) }
            return
        }
        let weight = opening.purpose == .update ? opening.member(cloud)?.weight ?? 1 : Weight.bucket(said.records)
        let loss = configuration.weights.loss(said.loss, in: opening)
        let offer = context.offer(
            name, payload: sealed.payload, digest: sealed.digest,
            about: ContributionAbout(
                answering: round.opening, masks: round.masking?.agreement, weight: weight, loss: loss,
                trained: configuration.pace.time(said.trained, in: opening), base: said.base,
                helped: cloudsOpen ? try helped(before: opening) : nil, proof: sealed.proof))
        current?.masking?.contribution = sealed.digest
        current?.isSealing = round.masking == nil
        func settle(_ entry: JournalEntry) throws {
            for arrival in vectors.arrivals { try entry.spend(arrival) }
            try countAnswerInClear(opening, entry)
            try noteTold(loss, opening, entry)
            try noteSealed(said.base, for: opening, entry)
            try spend(opening, entry)
            try keep(sealed.left, of: round.opening, entry)
        }
        if round.masking != nil {
            // It is worth something to the aggregate of its agreement alone.
            try context.send([Departure(offer: offer, receiver: aggregate, payload: sealed.payload)], settling: settle)
        } else {
            // Kept until the round is over: for another aggregate, should the sum become its own, and to be compared with what
            // is shown of a sum that is to be opened.
            try context.journal.write { entry in
                try settle(entry)
                try entry.keep(Departure(offer: offer, receiver: context.stage, payload: sealed.payload))
            }
            try offerContribution()
        }
        for arrival in vectors.arrivals { context.acknowledge(arrival) }
        try tellSpeeds(vectors, opening)
        try tellSpending(opening)
        context.log.tell(
            .contributionSealed, round: opening.round,
            [
                .digest: .name(offer.content.digest), .opening: .name(round.opening.digest),
                .purpose: .name(opening.purpose), .values: .number(opening.layout.count),
                .bytes: .number(sealed.payload.count), .clipped: .number(sealed.report.clipped),
                .sent: .number(opening.sealed.count), .residualNorm: .real(sealed.left?.norm ?? 0),
                .quantiseSeconds: .seconds(sealed.report.quantising), .sealSeconds: .seconds(sealed.report.sealing),
            ])
    }

    func receipted(_ delivery: Delivery) async throws {
        let (kind, round) = (delivery.name.kind, delivery.name.round)
        let fields: EventFields = [.wireBytes: .number(delivery.wireBytes), .offers: .number(delivery.offers)]
        switch delivery.outcome {
        case .durable: context.log.tell(.receipted(kind), round: round, fields)
        case .refused where round != current?.opening.content.round || delivery.reason == Receipt.roundOver:
            context.log.tell(.notNeeded(kind), round: round, fields + [.reason: .text(delivery.reason)])
        case .refused:
            context.log.tell(.refused(kind), round: round, fields + [.reason: .text(delivery.reason)])
        }
    }
}
