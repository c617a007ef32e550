import Corpus
import Encryption
import Federation
import Keys
import Monitoring
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
    private var keys: KeyChoice
    var opener: SumOpener { keys.opener }
    let model: PublishedModel
    private let store: ReleaseWriter?
    private(set) var releases: [Signed<Release>] = []
    private(set) var current: Signed<Opening>?
    private(set) var closing = RoundClosing()
    /// Under `secagg` alone, while a round is open.
    var unmasking: RoundUnmasking?
    /// When the round is given up for want of clouds' shares; from when its sum is here.
    private var sharesBy: ContinuousClock.Instant?
    private var isOpening = false
    /// When it is tried again to open the next round, which lacks its key.
    private var openBy: ContinuousClock.Instant?
    private var attempts = 0
    /// The next round is left to a successor.
    private var isHeldBack = false
    var isDone = false
    /// Stages that have not said that they have heard the end.
    var unheard: Set<StageName> = []
    var endBy: ContinuousClock.Instant?
    /// Which values are encrypted, once a sensitivity round has told; nil where all are.
    var mask: ValueMask?

    init(_ parts: StageParts<PublishConfiguration>, keys: KeyChoice) throws {
        context = parts.context
        configuration = parts.configuration
        topology = parts.topology
        self.keys = keys
        let clouds = parts.topology.dataClouds.count
        guard configuration.minimumCohort <= configuration.quorum ?? clouds, configuration.minimumCohort <= clouds
        else {
            throw StageError.configuration(
                "publish's `minimum-cohort` is \(configuration.minimumCohort), but a round may close with \(min(configuration.quorum ?? clouds, clouds)) of \(clouds) clouds: lower it, or raise `quorum`"
            )
        }
        guard !configuration.plan.steps.isEmpty else {
            throw StageError.configuration(
                "publish's config asks for no round at all: give it `variables`, `rounds` or `test`")
        }
        if topology.suite == .secagg {
            let least = max(configuration.quorum ?? clouds, configuration.minimumCohort)
            try Self.checkMasks(clouds: clouds, least: least)
        }
        model = try PublishedModel(parts)
        try PublishStage.check(configuration, model, parts.topology.suite)
        store = try ReleaseWriter(parts, model: model)
    }

    var situation: Situation {
        if endBy != nil {
            return .waiting(for: unheard.sorted(), "the run is over, and they have not said that they know it")
        }
        guard let content = current?.content else { return .working("between rounds") }
        let round = "round \(content.round) (\(content.purpose))"
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

    // MARK: Rounds

    func start() async throws {
        releases = try context.releases()
        try takeUpMask()
        try sendAdapterToNewcomers()
        warn()
        let last = releases.last?.content.round ?? RoundNumber(0)
        attempts = try context.abandonments().filter { $0.content.round > last }.count
        guard let opening = try context.latestOpening(), try context.isOpen(opening) else { return try openNext() }
        do {
            try keys.resume(opening.content)
            try moveIfNeeded(opening)
            try beginUnmasking(opening)
            current = opening
        } catch {
            try abandon(opening, missing: [], reason: "publish cannot open its sum any more: \(error)", settling: nil)
        }
    }

    /// Opens the next step of the plan, or ends the run.
    private func openNext() throws {
        guard releases.last?.content.isFinal != true, let step = configuration.plan.step(after: releases.count) else {
            return try finish()
        }
        // The next round's keys would be lost with this process: the successor opens it.
        isHeldBack = topology.suite == .secagg && context.isAskedToHandOver
        guard !isHeldBack else { return }
        let before = try context.latestOpening()?.content
        do {
            if let problem = try keys.advance(after: before, for: topology) {
                context.log.tell(.rotationRefused, [.reason: .text(problem)])
            }
            openBy = nil
        } catch let error as KeyOfSumsWanted {
            if openBy == nil { context.log.tell(.keyOfSumsWanted, [.reason: .text("\(error)")]) }
            openBy = context.surroundings.now + .seconds(2)
            return
        }
        let last = before?.round ?? RoundNumber(0)
        try context.forgetRounds(before: last)
        let opening = Signed(try opening(of: step, round: last.next), by: context.identity.signing)
        try context.journal.write { try $0.insert(opening, round: opening.content.round) }
        current = opening
        closing = RoundClosing()
        sharesBy = nil
        context.announce(opening)
        try beginUnmasking(opening)
        warn(of: opening.content)
        context.log.tell(
            .roundOpened, round: opening.content.round,
            [
                .opening: .name(opening.digest), .suite: .name(opening.content.suite),
                .keyMode: .text(topology.keysName), .purpose: .name(opening.content.purpose),
                .key: .text(opener.publicKey?.id.description ?? ""),
                .values: .number(opening.content.layout.count), .bits: .number(opening.content.bits),
                .cohort: .list(opening.content.cohort.map { .name($0.cloud) }),
                .split: .text(opening.content.split?.rawValue ?? ""), .stepsDone: .number(releases.count),
                .planSteps: .number(configuration.plan.steps.count),
            ])
    }

    private func opening(of step: RunPlan.Step, round: RoundNumber) throws -> Opening {
        let clouds = topology.dataClouds.sorted()
        // Weights are those that the clouds declared in the statistics round; equal where there was none.
        let declared = releases.first { $0.content.purpose == .statistics }?.content.cohort ?? []
        let late = Weight.ofLatecomer(among: declared.map(\.weight))
        let cohort = clouds.map { cloud in
            Member(cloud: cloud, weight: declared.first { $0.cloud == cloud }?.weight ?? late)
        }
        let isUpdate = step.purpose == .update
        // Static data can be differenced between cohorts, so statistics and evaluations ask for everyone.
        let quorum = isUpdate ? min(configuration.quorum ?? cohort.count, cohort.count) : cohort.count
        var training: TrainingPlan?
        var split: EvaluationSplit?
        let layout: VectorLayout
        switch step {
        case .statistics:
            layout = try StatisticsVector.layout(of: try variables(), bits: configuration.countBits)
        case .sensitivity: layout = try SensitivityVector.layout(of: model.layout(range: configuration.range))
        case .update(let index):
            layout = try model.layout(range: configuration.range)
            training = TrainingPlan(
                steps: configuration.localSteps, batchSize: configuration.batchSize,
                learningRate: configuration.rate(index), weightDecay: configuration.weightDecay,
                gradientClip: configuration.gradientClip, seed: configuration.seed)
        case .evaluation(let chosen):
            layout = try ScoreBins.layout(bits: configuration.countBits)
            split = chosen
        }
        let key = opener.publicKey
        return Opening(
            run: context.run, round: round, purpose: step.purpose, seat: try nextSeat(), layout: layout,
            bits: bits(of: step), suite: topology.suite,
            keyID: key?.id.bytes ?? [], profile: key?.profile.rawValue ?? "", degree: topology.damgardJurik,
            clipNorm: isUpdate ? configuration.clipNorm : 0, cohort: cohort, quorum: quorum,
            minimumCohort: configuration.minimumCohort,
            deadline: context.surroundings.time + UInt64(configuration.deadline / .milliseconds(1)),
            startsFrom: model.round, adapterDigest: model.digest, adapter: model.plan, training: training, split: split,
            encryption: isUpdate ? configuration.encryption.opening(mask: mask) : nil)
    }

    private func variables() throws -> VariableTable {
        guard let path = configuration.variables else {
            throw StageError.configuration("a statistics round needs `variables` in publish's config")
        }
        return try VariableTable.read(at: path)
    }

    // MARK: Sums

    func arrived(_ arrival: Arrival) async throws {
        let name = arrival.offer.name
        guard let current, name.round == current.content.round else {
            return try context.refuse(arrival, "round \(name.round) is not open")
        }
        if arrival.peer.kind == .aggregate, case .unseated(let reason) = try standing(of: arrival.peer, name) {
            // It was taken before the round was moved.
            return try context.refuse(arrival, reason)
        }
        switch name.kind {
        case .shortfall:
            guard !isOpening else { return }
            let about = try ShortfallAbout(arrival.offer.about)
            try abandon(current, missing: about.missing, reason: about.reason, settling: name)
        case .record:
            do {
                let record = try RoundRecord(bytes: try arrival.payload.read())
                _ = try record.contributions(to: current, key: context.identity.key)
                closing.take(record: arrival, record)
            } catch {
                context.log.tell(.refused(.record), round: name.round, [.reason: .text("\(error)")])
                try context.refuse(arrival, "\(error)")
            }
        case .share: closing.take(share: arrival)
        case .sum:
            closing.take(sum: arrival)
            if needsHelp { sharesBy = context.surroundings.now + configuration.deadline }
        default: try arrived(ofMasks: arrival)
        }
        guard self.current?.digest == current.digest else { return }
        try openIfClosed(current)
    }

    /// Clouds must send something before the sum can be opened.
    private var needsHelp: Bool { opener.needsShares || unmasking != nil }

    /// Opens the sum once everything that it takes is here.
    private func openIfClosed(_ current: Signed<Opening>) throws {
        guard !isOpening, let (sum, record) = closing.closed else { return }
        if let unmasking, !unmasking.isSufficient { return }
        do {
            let about = try SumAbout(sum.offer.about)
            try record.check(about, digest: sum.offer.digest)
            try unmasking?.check(about, record.contributions(to: current, key: context.identity.key))
        } catch {
            context.log.tell(.sumUnusable, round: current.content.round, [.reason: .text("\(error)")])
            return try abandon(
                current, missing: [], reason: "aggregate's record is not of its sum: \(error)", settling: sum.offer.name
            )
        }
        guard !opener.needsShares || closing.shares.count >= opener.threshold else { return }
        isOpening = true
        context.begin { [self] in
            try await open(sum, of: current)
            isOpening = false
            if !isDone, self.current == nil { try openNext() }
        }
    }

    private func open(_ arrival: Arrival, of opening: Signed<Opening>) async throws {
        let content = opening.content
        let about = try SumAbout(arrival.offer.about)
        let began = ContinuousClock.now
        guard let shares = try await verifiedShares(of: arrival, opening) else { return }
        let cohort = about.parts.map { Member(cloud: $0.cloud, weight: $0.weight) }
        var sums: [Double]
        var adapter: ReleasedAdapter?
        do {
            let threads = configuration.threads
            let opener = try unmasking?.opener(for: content) ?? opener
            if content.purpose == .update {
                let start = model.current
                let path = model.path(of: content.round)
                // The last one goes out as a folder alone.
                let spooled =
                    configuration.plan.isLast(releases.count) ? nil : context.spoolPath(for: adapterName(content.round))
                let total = cohort.reduce(0.0) { $0 + content.foldedWeight(of: $1.cloud) }
                let rate = configuration.outerRate
                sums = []
                adapter = try await context.offload {
                    let values = try start.reader()
                    // One file under two names: the spool's goes when every cloud has it, the model's with the next adapter.
                    let next = try AdapterWriter(round: content.round, path: path)
                    try opener.open(
                        arrival.payload, with: shares, of: content, contributions: about.parts.count, threads: threads
                    ) { range, sums in
                        try next.append(
                            OuterStep.apply(to: values(range), weightedSum: sums, totalWeight: total, rate: rate))
                    }
                    return try next.finish(linkedAs: spooled)
                }
            } else {
                sums = try await context.offload {
                    try opener.open(
                        arrival.payload, with: shares, of: content, contributions: about.parts.count, threads: threads)
                }
            }
        } catch  where error is EncryptionError || error is ThresholdError || error is MaskingError {
            // What was written of the next adapter is of no use.
            context.discard(.file(path: model.path(of: content.round), count: 0))
            context.log.tell(.sumUnusable, round: content.round, [.reason: .text("\(error)")])
            try abandon(
                opening, missing: [], reason: "the sum could not be opened: \(error)", settling: arrival.offer.name)
            return
        }
        let opened = ContinuousClock.now - began
        var metrics: [String: Double] = [:]
        switch content.purpose {
        case .statistics: sums = StatisticsVector.withheld(sums, variables: try variables())
        case .evaluation: metrics = EvaluationFigures.metrics(of: sums, split: content.split)
        case .sensitivity: mask = try chooseMask(from: sums, round: content.round)
        case .update: break
        }
        let release = Signed(
            Release(
                run: context.run, round: content.round, purpose: content.purpose, opening: opening.digest,
                cohort: cohort,
                sums: content.purpose == .statistics ? sums : [], metrics: metrics, adapterDigest: adapter?.digest,
                isFinal: configuration.plan.isLast(releases.count)), by: context.identity.signing)
        let folder = try store?.write(
            release: release.content, opening: content, parts: about.parts, past: releases.map(\.content),
            adapter: adapter ?? (release.content.isFinal ? model.current : nil))
        try conclude(release, adapter: adapter, settling: arrival.offer.name, parts: about)
        var fields: EventFields = [
            .opening: .name(opening.digest), .digest: .name(release.digest),
            .purpose: .name(content.purpose), .cohort: .list(cohort.map { .name($0.cloud) }),
            .openSeconds: .seconds(opened), .seconds: .seconds(ContinuousClock.now - began),
            .isFinal: .flag(release.content.isFinal), .split: .text(content.split?.rawValue ?? ""),
        ]
        for field in EventField.figures { if let value = metrics[field.name] { fields[field] = .real(value) } }
        if let adapter { fields[.adapter] = .name(adapter.digest) }
        if let folder { fields[.folder] = .text(folder) }
        context.log.tell(.roundReleased, round: content.round, fields)
    }

    /// The clouds' shares that were found to be right, enough of them; nil while there are too few, or if none can come any
    /// more, and then the round has been given up.
    private func verifiedShares(of sum: Arrival, _ opening: Signed<Opening>) async throws -> [SumOpener.Share]? {
        guard opener.needsShares else { return [] }
        let (opener, threads) = (opener, configuration.threads)
        var verified: [SumOpener.Share] = []
        for (cloud, share) in closing.shares.sorted(by: { $0.key < $1.key }) where verified.count < opener.threshold {
            let began = ContinuousClock.now
            do {
                verified.append(
                    try await context.offload { try opener.verify(share, of: opening, sum: sum, threads: threads) })
                context.log.tell(
                    .shareVerified, round: opening.content.round,
                    [
                        .from: .name(cloud), .bytes: .number(share.payload.count),
                        .seconds: .seconds(ContinuousClock.now - began),
                    ])
            } catch  where error is ThresholdError || error is RoundFault || error is FederationError {
                context.log.tell(
                    .refused(.share), round: opening.content.round, [.from: .name(cloud), .reason: .text("\(error)")])
                closing.refuse(shareOf: cloud)
                try context.refuse(share, "\(error)")
            }
        }
        guard verified.count < opener.threshold else { return verified }
        if opening.content.cohort.count - closing.refused.count < opener.threshold {
            try abandon(
                opening, missing: closing.refused.sorted(),
                reason: "too few clouds sent a right share of the sum: \(opener.threshold) are needed",
                settling: sum.offer.name)
        }
        return nil
    }

    /// Makes a release durable with all that follows from it, then announces it.
    private func conclude(
        _ release: Signed<Release>, adapter: ReleasedAdapter?, settling name: TransferName, parts: SumAbout
    ) throws {
        var departures: [Departure] = []
        if let adapter {
            let transfer = adapterName(adapter.round)
            let isSent = !release.content.isFinal
            let payload = Payload.file(path: context.spoolPath(for: transfer), count: adapter.count * 4)
            let offer = context.offer(
                transfer, payload: payload, digest: adapter.digest, about: AdapterAbout(release: release.digest))
            departures =
                !isSent
                ? []
                : topology.dataClouds.map {
                    Departure(offer: offer, receiver: StageName(cloud: $0, kind: .localTrain), payload: payload)
                }
            // An older adapter that somebody still lacks is of no use any more.
            if model.round.value > 0 {
                let old = adapterName(model.round)
                for departure in departures { try context.cancel(old, to: departure.receiver) }
            }
        }
        try context.send(departures) { entry in
            try entry.insert(release, round: release.content.round)
            try entry.settle(name)
            try entry.setFact("sum/\(release.content.round)", parts.encoded)
            if let adapter { try entry.setFact("adapter", adapter.note) }
            if let mask { try entry.setFact(Self.maskFact, mask.bytes) }
            for arrival in closing.unanswered { try entry.spend(arrival) }
        }
        answerAll()
        if let adapter { model.take(adapter) }
        releases.append(release)
        try endUnmasking(release.content.round)
        current = nil
        attempts = 0
        context.announce(release)
    }

    func adapterName(_ round: RoundNumber) -> TransferName {
        TransferName(run: context.run, kind: .adapter, round: round, cloud: context.stage.cloud)
    }

    func abandon(
        _ opening: Signed<Opening>, missing: [CloudName], reason: String = "the deadline passed without a quorum",
        settling name: TransferName?
    ) throws {
        let end = Signed(
            Abandonment(
                run: context.run, round: opening.content.round, opening: opening.digest, missing: missing,
                reason: reason),
            by: context.identity.signing)
        try context.journal.write { entry in
            try entry.insert(end, round: opening.content.round)
            if let name { try entry.settle(name) }
            if let sum = closing.sum { try entry.settle(sum.offer.name) }
            for arrival in closing.unanswered { try entry.spend(arrival) }
        }
        answerAll()
        try endUnmasking(opening.content.round)
        current = nil
        attempts += 1
        context.announce(end)
        context.log.tell(
            .roundAbandoned, round: opening.content.round,
            [
                .missing: .list(missing.map { .name($0) }), .reason: .text(reason), .attempt: .number(attempts),
                .attempts: .number(configuration.attempts),
            ])
        guard attempts < configuration.attempts else {
            throw StageError.runFailed(
                "round \(opening.content.round) (\(opening.content.purpose)) was abandoned \(attempts) times; missing: \(missing.map(\.description).joined(separator: ", ")); start those clouds' stages and run again"
            )
        }
        if !isOpening { try openNext() }
    }

    /// What was borrowed for the round is done with, and its senders may forget it.
    private func answerAll() {
        for arrival in closing.unanswered {
            arrival.payload.discard()
            context.acknowledge(arrival)
        }
        closing = RoundClosing()
        sharesBy = nil
    }

    func tick() async throws {
        if isHeldBack, !context.isAskedToHandOver { return try openNext() }
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
        // Aggregate tells of a missed quorum; this is for when aggregate itself is gone.
        guard let current, !isOpening, closing.sum == nil, context.surroundings.time > current.content.deadline + 15_000
        else { return }
        try abandon(
            current, missing: [topology.aggregate.cloud],
            reason: "\(topology.aggregate) has not been heard of since the deadline", settling: nil)
    }
}
