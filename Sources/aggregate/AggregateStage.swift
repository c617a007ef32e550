import Aggregation
import Encryption
import Federation
import Sodium
import StageKit

/// Takes the contributions of a round into its spool, lets each into the product when it is whole and checked, and sends the
/// sum on. It holds no private key: what it sees are ciphertexts, sizes, and who took part.
@StageActor
final class AggregateStage: Stage {
    private let context: StageContext
    private let configuration: AggregateConfiguration
    private let key: PaillierPublicKey?
    private var current: Round?
    /// Whole contributions whose ciphertexts have not been looked at, in the order in which they came.
    private var waiting: [Arrival] = []
    private var isAdding = false

    private struct Round {
        let opening: Signed<Opening>
        let scheme: RoundScheme
        let product: Product
        var gathering: Gathering
        let began = ContinuousClock.now
        var adding = Duration.zero
    }

    /// The accumulator on its way to a thread of its own and back. Sound because `isAdding` lets one contribution at a time
    /// go there, and a round closes only while none is.
    private final class Product: @unchecked Sendable {
        let accumulator: any Accumulator
        init(_ accumulator: any Accumulator) { self.accumulator = accumulator }
    }

    init(context: StageContext, configuration: AggregateConfiguration, key: PaillierPublicKey?) {
        self.context = context
        self.configuration = configuration
        self.key = key
    }

    func start() async throws {
        if let opening = try context.latestOpening(), try context.isOpen(opening) { try take(opening) }
    }

    func opened(_ opening: Signed<Opening>) async throws { try take(opening) }

    private func take(_ opening: Signed<Opening>) throws {
        do {
            let scheme = try RoundScheme(opening.content, key: key)
            current = Round(
                opening: opening, scheme: scheme, product: Product(scheme.scheme.makeAccumulator()),
                gathering: Gathering(opening))
            if try context.journal.read({ try $0.hasDeparture(sumName(opening.content.round)) }) {
                current?.gathering.close()
            }
            context.log.info(
                "round_joined", ["round": .round(opening.content.round), "purpose": .name(opening.content.purpose)])
        } catch let error as EncryptionError {
            current = nil
            context.log.error("opening_refused", ["round": .round(opening.content.round), "reason": .text("\(error)")])
        }
    }

    func released(_ release: Signed<Release>) async throws { try leave(release.content.round) }

    func abandoned(_ abandonment: Signed<Abandonment>) async throws { try leave(abandonment.content.round) }

    private func leave(_ round: RoundNumber) throws {
        guard let current, current.opening.content.round <= round else { return }
        try context.cancel(sumName(round), to: context.publisher)
        self.current = nil
    }

    private func sumName(_ round: RoundNumber) -> TransferName {
        TransferName(run: context.run, kind: .sum, round: round, cloud: context.stage.cloud)
    }

    func verdict(on offer: Offer, from sender: StageName) -> Verdict {
        guard let current else { return .later }
        switch current.gathering.answer(to: offer, from: sender) {
        case .later: return .later
        case .refuse(let reason): return .refuse(reason)
        case .take:
            let expected = current.scheme.scheme.shape.byteCount
            guard offer.byteCount == expected else {
                return .refuse("\(offer.byteCount) bytes, round \(offer.name.round) takes \(expected)")
            }
            // Receipted once its ciphertexts have been checked, so that its cloud hears what is wrong with them.
            return .check
        }
    }

    func arrived(_ arrival: Arrival) async throws {
        waiting.append(arrival)
        try addNext()
    }

    private func addNext() throws {
        while !isAdding, !waiting.isEmpty {
            let arrival = waiting.removeFirst()
            let name = arrival.offer.name
            guard let round = current, name.round == round.opening.content.round, !round.gathering.isClosed else {
                try context.refuse(arrival, "round \(name.round) has been closed")
                continue
            }
            isAdding = true
            context.begin { [self] in
                try await add(arrival, to: round)
                try addNext()
                try closeIfDue()
            }
        }
    }

    /// Checks every ciphertext, and only if all are sound lets them into the product and receipts them: on a thread of its
    /// own, for other clouds' transfers go on meanwhile. The header was compared with the opening when it was offered.
    private func add(_ arrival: Arrival, to round: Round) async throws {
        defer { isAdding = false }
        let name = arrival.offer.name
        let about = try ContributionAbout(arrival.offer.about)
        let (product, sealing) = (round.product, round.scheme.scheme.sealing)
        let threads = configuration.threads
        let seconds: Duration
        do {
            seconds = try await context.offload {
                let clock = ContinuousClock()
                let start = clock.now
                try product.accumulator.add(try arrival.payload.read(), sealing: sealing, threads: threads)
                return clock.now - start
            }
        } catch let error as EncryptionError {
            try context.refuse(arrival, "\(error)")
            context.log.error(
                "contribution_refused",
                ["round": .round(name.round), "from": .name(name.cloud), "reason": .text("\(error)")])
            return
        }
        // A round that has ended meanwhile has let go of its product.
        guard var now = current, now.product === product else {
            return try context.refuse(arrival, "round \(name.round) has been closed")
        }
        try context.keep(arrival)
        now.adding += seconds
        _ = now.gathering.count(
            SumAbout.Part(cloud: name.cloud, weight: about.weight, digest: arrival.offer.digest))
        current = now
        context.log.info(
            "contribution_counted",
            [
                "round": .round(name.round), "from": .name(name.cloud), "bytes": .number(arrival.payload.count),
                "add_seconds": .seconds(seconds), "waiting_for": .list(now.gathering.missing.map { .name($0) }),
            ])
    }

    func tick() async throws { try closeIfDue() }

    private func closeIfDue() throws {
        // What came in time is counted, though it is being looked at when the deadline passes.
        guard var round = current, !isAdding, waiting.isEmpty else { return }
        let opening = round.opening.content
        switch round.gathering.decision(now: Timestamp.milliseconds()) {
        case .wait: return
        case .close:
            let sum = try round.product.accumulator.sum()
            let name = sumName(opening.round)
            let about = round.gathering.sum
            let offer = context.offer(name, payload: .bytes(sum), digest: Digest(of: sum), about: about)
            let departure = Departure(
                offer: offer, receiver: context.publisher, payload: try context.spool(sum, for: name))
            try context.send([departure]) { try settleContributions(of: opening.round, in: $0) }
            context.log.info(
                "round_closed",
                [
                    "round": .round(opening.round), "purpose": .name(opening.purpose),
                    "cohort": .list(about.parts.map { .name($0.cloud) }), "bytes": .number(sum.count),
                    "add_seconds": .seconds(round.adding),
                    "gather_seconds": .seconds(ContinuousClock.now - round.began),
                ])
        case .abandon(let missing):
            let name = TransferName(
                run: context.run, kind: .shortfall, round: opening.round, cloud: context.stage.cloud)
            if try !context.journal.read({ try $0.hasDeparture(name) }) {
                let note: [UInt8] = [0]
                let offer = context.offer(
                    name, payload: .bytes(note), digest: Digest(of: note),
                    about: ShortfallAbout(opening: round.opening.digest, missing: missing))
                try context.send([Departure(offer: offer, receiver: context.publisher, payload: .bytes(note))]) {
                    try settleContributions(of: opening.round, in: $0)
                }
            }
            context.log.warning(
                "quorum_missed", ["round": .round(opening.round), "missing": .list(missing.map { .name($0) })])
        }
        round.gathering.close()
        current = round
    }

    private func settleContributions(of round: RoundNumber, in entry: JournalEntry) throws {
        for arrival in try entry.held(.contribution) where arrival.offer.name.round <= round {
            try entry.settle(arrival.offer.name)
        }
    }

    func receipted(_ delivery: Delivery) async throws {
        guard delivery.outcome == .refused else { return }
        context.log.error(
            "sum_refused", ["round": .round(delivery.name.round), "reason": .text(delivery.reason)])
    }
}
