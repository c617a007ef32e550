import Aggregation
import Encryption
import Federation
import Monitoring
import Sodium
import StageKit

/// Takes the contributions of a round into its spool, lets each into the product when it is whole and checked, and sends the
/// sum on. It holds no private key: what it sees are ciphertexts, sizes, and who took part.
@StageActor
final class AggregateStage: Stage {
    let context: StageContext
    let configuration: AggregateConfiguration
    /// Nil but under `paillier`.
    private var keys: KeySearch<PaillierPublicKey>?
    /// The clouds' encrypt stages help to open sums, and check them first: they are sent what they need.
    private let cloudsOpen: Bool
    /// How many of them open a sum together.
    private let threshold: Int
    private let evidencePath: String
    var current: Round?
    /// In which the sum of `current` is this stage's: the part of all names that it gives.
    var term: UInt32 = 0
    /// Whole contributions whose ciphertexts have not been looked at, in the order in which they came; each is being synced.
    private var waiting: [(arrival: Arrival, synced: Syncing)] = []
    var isAdding = false
    /// The round that was given to another aggregate, if the newest one was.
    var movedAway: RoundNumber?

    struct Round {
        let opening: Signed<Opening>
        let seat: Seat
        /// Nil under `secagg` until the clouds have agreed on masks.
        var adding: Adding?
        var gathering: Gathering
        /// Under `secagg` alone.
        var masks: MaskedGathering?
        /// What is in the product, for those who check it.
        var contributions: [CloudName: Arrival] = [:]
        let began = ContinuousClock.now
        /// Publish's clock as it was when the round was taken up: set while the round is open it has no effect. Nil until publish is heard.
        var clock: RemoteClock?
        /// When each cloud's contribution was first offered, and what it took until it was here.
        var offered: [CloudName: ContinuousClock.Instant] = [:]
        var transfers: [CloudName: UInt32] = [:]
        /// When the opening was taken up; nil after a restart, which was in the middle of it.
        let joined: ContinuousClock.Instant?
        var arrivals: [CloudName: UInt32] = [:]
        var addingTime = Duration.zero
    }

    /// The accumulator on its way to a thread of its own and back. Sound because `isAdding` lets one contribution at a time
    /// go there, and a round closes only while none is.
    final class Adding: @unchecked Sendable {
        let scheme: RoundScheme
        let accumulator: any Accumulator

        init(_ scheme: RoundScheme, checking: InverseCheck = .sum) {
            self.scheme = scheme
            accumulator = scheme.makeAccumulator(checking: checking)
        }
    }

    init(
        context: StageContext, configuration: AggregateConfiguration, keys: KeySearch<PaillierPublicKey>?,
        cloudsOpen: Bool, threshold: Int, evidencePath: String
    ) {
        self.context = context
        self.configuration = configuration
        self.keys = keys
        self.cloudsOpen = cloudsOpen
        self.threshold = threshold
        self.evidencePath = evidencePath
    }

    func start() async throws {
        if let opening = try context.latestOpening(), try context.isOpen(opening) { try take(opening, isNew: false) }
    }

    func opened(_ opening: Signed<Opening>) async throws { try take(opening) }

    func take(_ opening: Signed<Opening>, isNew: Bool = true) throws {
        let seat = try context.seat(of: opening)
        guard seat.aggregate == context.stage else { return try letGo(of: opening, to: seat) }
        term = seat.term
        if seat != opening.content.seat { try startAnew(opening) }
        do {
            let masks = try makeMasks(for: opening)
            let adding =
                try masks == nil
                ? Adding(RoundScheme(opening.content, key: keys?.key(opening.content.keyID))) : nil
            // Where publish opens alone no clouds do, however many say that they have.
            let helpers = threshold > 0 ? threshold : .max
            current = Round(
                opening: opening, seat: seat, adding: adding, gathering: Gathering(opening, helpers: helpers),
                masks: masks, clock: context.publisherClock, joined: isNew ? context.surroundings.now : nil)
            let (hasSum, hasShortfall) = try ends(of: opening.content.round)
            if hasSum || hasShortfall { current?.gathering.close() }
            if hasShortfall { current?.masks?.close() }
            try resumeMasks()
            context.log.tell(.roundJoined, round: opening.content.round, [.purpose: .name(opening.content.purpose)])
        } catch  where error is EncryptionError || error is MaskingError {
            current = nil
            context.log.tell(.openingRefused, round: opening.content.round, [.reason: .text("\(error)")])
        }
    }

    func released(_ release: Signed<Release>) async throws { try leave(release.content.round) }

    func abandoned(_ abandonment: Signed<Abandonment>) async throws { try leave(abandonment.content.round) }

    private func leave(_ round: RoundNumber) throws {
        guard let current, current.opening.content.round <= round else { return }
        try cancelAll(of: current.opening.content)
        self.current = nil
    }

    /// Nobody needs what this stage says of the round any more.
    func cancelAll(of closed: Opening) throws {
        try context.cancel(name(.sum, closed.round), to: context.publisher)
        try context.cancel(name(.record, closed.round), to: context.publisher)
        for receiver in cloudsOpen ? closed.cohort.map(\.cloud) : [] {
            let encrypt = StageName(cloud: receiver, kind: .encrypt)
            try context.cancel(name(.record, closed.round), to: encrypt)
            for cloud in closed.cohort.map(\.cloud) where cloud != receiver {
                try context.cancel(name(.evidence, closed.round, of: cloud), to: encrypt)
            }
        }
        try leaveMasks(closed)
    }

    var situation: Situation {
        guard let current else { return .waiting(for: [context.publisher], "no round is open") }
        let content = current.opening.content
        let round = "round \(content.round) (\(content.purpose))"
        if isAdding { return .working("\(round): adding a contribution") }
        if current.gathering.isClosed {
            return context.pendingDepartures > 0
                ? .waiting(for: context.receivers, "\(round): the sum is not with everyone yet")
                : .waiting(for: [context.publisher], "\(round): the sum is with it")
        }
        if current.gathering.selection != nil {
            return .working("\(round): adding up the contributions that it is held to")
        }
        let missing = current.gathering.missing.map { StageName(cloud: $0, kind: .encrypt) }
        let count = current.gathering.parts.count
        guard let masks = current.masks, !masks.heldBy.isEmpty else {
            return .waiting(for: missing, "\(round): \(count) of \(content.cohort.count) contributions are here")
        }
        let names = masks.heldBy.map(\.description).joined(separator: ", ")
        return .waiting(
            for: missing,
            "\(round): \(count) of \(masks.needed) contributions are here; by the word of \(names) it is over those alone"
        )
    }

    func name(_ kind: TransferKind, _ round: RoundNumber, of cloud: CloudName? = nil) -> TransferName {
        TransferName(run: context.run, kind: kind, round: round, cloud: cloud ?? context.stage.cloud, part: term)
    }

    func verdict(on offer: Offer, from sender: StageName) -> Verdict {
        guard !offer.name.kind.isOfMasks else { return verdict(onMasks: offer, from: sender) }
        guard let current else { return .later }
        switch current.gathering.answer(to: offer, from: sender) {
        case .later: return .later
        case .refuse(let reason): return .refuse(reason)
        case .over(let reason): return .over(reason)
        case .take:
            guard let expected = current.adding?.scheme.byteCount else { return .later }
            guard offer.byteCount == expected else {
                return .refuse("\(offer.byteCount) bytes, round \(offer.name.round) takes \(expected)")
            }
            if current.offered[offer.name.cloud] == nil {
                self.current?.offered[offer.name.cloud] = context.surroundings.now
            }
            // Receipted once its ciphertexts have been checked, so that its cloud hears what is wrong with them.
            return .check
        }
    }

    func arrived(_ arrival: Arrival) async throws {
        guard !arrival.offer.name.kind.isOfMasks else { return try await arrived(ofMasks: arrival) }
        if let began = current?.offered[arrival.offer.name.cloud] {
            let milliseconds = (context.surroundings.now - began) / .milliseconds(1)
            current?.transfers[arrival.offer.name.cloud] = Weight.bucket(Int(milliseconds))
        }
        if let joined = current?.joined {
            current?.arrivals[arrival.offer.name.cloud] = Weight.bucket(time: context.surroundings.now - joined)
        }
        // Three clouds' contributions come nearly together: the disk is at work on all while one is checked.
        waiting.append((arrival, Syncing(arrival.payload, context)))
        try addNext()
    }

    func addNext() throws {
        while !isAdding, !waiting.isEmpty {
            let (arrival, synced) = waiting.removeFirst()
            let name = arrival.offer.name
            guard movedAway != name.round else {
                context.forget(arrival)
                continue
            }
            guard let round = current, let adding = round.adding, name.round == round.opening.content.round,
                !round.gathering.isClosed, round.gathering.selection == nil
            else {
                let isLate = current?.opening.content.pace != nil
                try context.refuse(arrival, isLate ? Receipt.roundOver : "round \(name.round) has been closed")
                continue
            }
            guard round.masks?.hasLost(name.cloud) != true else {
                try context.refuse(arrival, "\(name.cloud) has no part in the masks of round \(name.round) any more")
                continue
            }
            isAdding = true
            context.begin { [self] in
                try await add(arrival, synced, to: adding, of: round.opening)
                try addNext()
                try closeIfDue()
            }
        }
    }

    /// Checks every ciphertext, and only if all are sound lets them into the product and receipts them: on a thread of its
    /// own, for other clouds' transfers go on meanwhile. The header was compared with the opening when it was offered. What only
    /// somebody who knows a factor of the modulus can have made shows at the sum (`InverseCheck.sum`).
    private func add(
        _ arrival: Arrival, _ synced: Syncing, to adding: Adding, of opening: Signed<Opening>
    ) async throws {
        defer { isAdding = false }
        let name = arrival.offer.name
        let about = try ContributionAbout(arrival.offer.about)
        let (threads, cloudsOpen) = (configuration.threads, cloudsOpen)
        let bound = RoundScheme.context(opening.digest, name.cloud)
        let seconds: Duration
        do {
            seconds = try await context.offload {
                let clock = ContinuousClock()
                let start = clock.now
                try arrival.payload.withBytes {
                    // The clouds that open the sum would refuse it for one that is not proved: it goes alone, here.
                    if cloudsOpen {
                        try adding.scheme.verify(about.proof, payload: $0, context: bound, threads: threads)
                    }
                    try adding.accumulator.add($0, sealing: adding.scheme.scheme.sealing, threads: threads)
                }
                return clock.now - start
            }
        } catch  where error is EncryptionError || error is ThresholdError {
            try context.refuse(arrival, "\(error)")
            context.log.tell(
                .refused(.contribution), round: name.round, [.from: .name(name.cloud), .reason: .text("\(error)")])
            return
        }
        try await synced.end()
        try await context.keep(arrival)
        // A round that has ended meanwhile has let go of its product.
        guard movedAway != name.round else { return try settleMoved(name.round) }
        guard var now = current, now.adding === adding else {
            return try context.refuse(arrival, "round \(name.round) has been closed")
        }
        now.addingTime += seconds
        try now.masks?.take(contribution: arrival.offer.digest, of: name.cloud)
        _ = now.gathering.count(
            SumAbout.Part(
                cloud: name.cloud, weight: about.weight, digest: arrival.offer.digest,
                transfer: now.transfers[name.cloud], arrival: now.arrivals[name.cloud]),
            signed: RoundRecord.Part(offer: arrival.offerBytes, signature: arrival.signature), helped: about.helped)
        now.contributions[name.cloud] = arrival
        current = now
        context.log.tell(
            .contributionCounted, round: name.round,
            [
                .digest: .name(arrival.offer.digest), .from: .name(name.cloud),
                .bytes: .number(arrival.payload.count), .addSeconds: .seconds(seconds),
                .waitingFor: .list(now.gathering.missing.map { .name($0) }),
            ])
    }

    func tick() async throws {
        try conductMasks()
        try closeIfDue()
    }

    /// What time it is by the clock that the open round's deadline is of; nil before publish has been heard.
    func lookAtClock() -> UInt64? {
        guard let heard = context.publisherClock, current != nil else { return nil }
        let now = context.surroundings.now
        if current?.clock == nil { current?.clock = heard } else { current?.clock?.follow(heard, now) }
        return current?.clock?.time(now)
    }

    func closeIfDue() throws {
        // What came in time is counted, though it is being looked at when the deadline passes.
        guard !isAdding, waiting.isEmpty else { return }
        let now = lookAtClock()
        current?.gathering.look(now: now)
        guard var round = current else { return }
        let opening = round.opening.content
        switch round.gathering.decision(now: now) {
        case .wait: return
        case .hold(let selection): return try hold(to: selection)
        case .close:
            guard let adding = round.adding else { return }
            let sum: [UInt8]
            do { sum = try adding.accumulator.sum() } catch EncryptionError.sumNotInvertible {
                return addAnew(instead: adding, checking: .eachContribution)
            }
            let digest = Digest(ofContent: sum)
            let (about, record) = round.gathering.closing(sum: digest)
            let named = name(.sum, opening.round)
            var departures = try closing(record, of: round, to: context.publisher, with: [])
            departures.append(
                Departure(
                    offer: context.offer(named, payload: .bytes(sum), digest: digest, about: about),
                    receiver: context.publisher, payload: try context.spool(sum, for: named)))
            for cloud in cloudsOpen ? round.gathering.contributors : [] {
                departures += try closing(
                    record, of: round, to: StageName(cloud: cloud, kind: .encrypt),
                    with: round.gathering.contributors.filter { $0 != cloud })
            }
            let survivors = try round.masks?.nameSurvivors()
            let naming = try survivors.map { try self.naming($0, of: round.opening) }
            departures += naming?.departures ?? []
            try keepEvidence(of: round, record, sum: sum)
            try context.send(departures) {
                try settleContributions(of: opening.round, in: $0)
                try naming?.settle($0)
            }
            context.log.tell(
                .roundClosed, round: opening.round,
                [
                    .opening: .name(round.opening.digest), .digest: .name(digest),
                    .purpose: .name(opening.purpose), .root: .text(about.root.description),
                    .cohort: .list(about.parts.map { .name($0.cloud) }), .bytes: .number(sum.count),
                    .addSeconds: .seconds(round.addingTime),
                    .gatherSeconds: .seconds(ContinuousClock.now - round.began),
                ])
        case .abandon(let missing, let reason):
            let isEarly = now.map { $0 < opening.deadline } ?? true
            try tellShortfall(
                of: round.opening, missing: missing,
                reason: reason
                    ?? (isEarly
                        ? "too few clouds are left to take the masks off" : "the deadline passed without a quorum"))
            round.masks?.close()
        }
        round.gathering.close()
        current = round
    }

    /// Tells publish that there will be no sum.
    func tellShortfall(of opening: Signed<Opening>, missing: [CloudName], reason: String) throws {
        let round = opening.content.round
        let name = name(.shortfall, round)
        if try !context.journal.read({ try $0.hasDeparture(name) }) {
            let note: [UInt8] = [0]
            let offer = context.offer(
                name, payload: .bytes(note), digest: Digest(ofContent: note),
                about: ShortfallAbout(opening: opening.digest, missing: missing, reason: reason))
            try context.send([Departure(offer: offer, receiver: context.publisher, payload: .bytes(note))]) {
                try settleContributions(of: round, in: $0)
            }
        }
        context.log.tell(
            .quorumMissed, round: round, [.missing: .list(missing.map { .name($0) }), .reason: .text(reason)])
    }

    /// The record of a round, and behind it the contributions of `clouds`, for a stage that checks the sum. They are the files
    /// that came: each goes when its last receiver has it.
    private func closing(
        _ record: RoundRecord, of round: Round, to receiver: StageName, with clouds: [CloudName]
    ) throws -> [Departure] {
        let number = round.opening.content.round
        let about = OpeningAbout(opening: round.opening.digest)
        let bytes = record.bytes
        let named = name(.record, number)
        let payload = try context.spool(bytes, for: named)
        let first = Departure(
            offer: context.offer(named, payload: payload, digest: Digest(ofContent: bytes), about: about),
            receiver: receiver, payload: payload)
        return [first]
            + clouds.compactMap { cloud in
                guard let arrival = round.contributions[cloud] else { return nil }
                let offer = context.offer(
                    name(.evidence, number, of: cloud), payload: arrival.payload, digest: arrival.offer.digest,
                    about: about)
                return Departure(offer: offer, receiver: receiver, payload: arrival.payload)
            }
    }

    /// Keeps what an auditor needs (`tributary audit`); the contributions' files are linked, not copied.
    private func keepEvidence(of round: Round, _ record: RoundRecord, sum: [UInt8]) throws {
        let opening = round.opening.content
        guard configuration.evidenceRounds > 0, opening.suite != .clear else { return }
        do {
            let parent = EvidenceShelf(path: evidencePath)
            try parent.make()
            try parent.folder(opening.round).write(
                opening: round.opening, record: record, sum: sum,
                contributions: round.contributions.map { cloud, arrival in
                    switch arrival.payload {
                    case .bytes(let bytes): (cloud, .bytes(bytes))
                    case .file(let path, _): (cloud, .file(path))
                    }
                })
            parent.keepNewest(configuration.evidenceRounds)
        } catch {
            // A round does not fail for want of room for its evidence; whoever wants to audit it hears why.
            context.log.tell(.evidenceNotKept, round: opening.round, [.reason: .text("\(error)")])
        }
    }

    private func settleContributions(of round: RoundNumber, in entry: JournalEntry) throws {
        for arrival in try entry.held(.contribution) where arrival.offer.name.round <= round {
            try entry.settle(arrival.offer.name)
        }
    }

    func receipted(_ delivery: Delivery) async throws {
        let fields: EventFields = [
            .to: .name(delivery.receiver), .wireBytes: .number(delivery.wireBytes), .reason: .text(delivery.reason),
        ]
        let round = delivery.name.round
        switch (delivery.outcome, delivery.name.kind) {
        case (.durable, let kind): context.log.tell(.receipted(kind), round: round, fields)
        case (.refused, let kind):
            context.log.tell(.refused(kind), round: round, fields)
            if kind.isOfMasks { try masksRefused(delivery) }
        }
    }
}
