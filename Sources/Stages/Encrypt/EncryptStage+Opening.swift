import Encryption
import Federation
import Monitoring
import Sodium
import StageKit

// How a cloud helps to open a sum, where the clouds share the key.
extension EncryptStage {
    func verdict(onSum offer: Offer, _ round: Round) throws -> Verdict {
        let opening = round.opening.content
        guard cloudsOpen else { return .refuse("this cloud has no part in opening sums") }
        guard try OpeningAbout(offer.about).opening == round.opening.digest else {
            return .refuse("it answers another opening of round \(opening.round)")
        }
        guard offer.name.kind == .evidence else {
            guard offer.byteCount <= RoundRecord.maximumByteCount else {
                return .refuse("\(offer.byteCount) bytes, a record has at most \(RoundRecord.maximumByteCount)")
            }
            return .borrow
        }
        guard opening.member(offer.name.cloud) != nil, offer.name.cloud != context.stage.cloud else {
            return .refuse("\(offer.name.cloud) has no contribution to show here")
        }
        guard let expected = round.scheme?.byteCount else { return .later }
        guard offer.byteCount == expected else {
            return .refuse("\(offer.byteCount) bytes, a contribution to round \(opening.round) has \(expected)")
        }
        return .check
    }

    func arrived(ofSum arrival: Arrival, _ round: Round) throws {
        guard !round.sum.isTaken else { return try context.refuse(arrival, "this cloud has looked at the sum already") }
        if arrival.offer.name.kind == .evidence {
            current?.sum.take(evidence: arrival)
        } else {
            do {
                let record = try RoundRecord(bytes: try arrival.payload.read())
                let contributions = try record.contributions(to: round.opening, key: context.identity.key)
                current?.sum.take(.init(arrival: arrival, contents: record, contributions: contributions))
            } catch {
                complain(of: round, error)
                return try context.refuse(arrival, "\(error)")
            }
        }
        guard let record = current?.sum.complete(for: context.stage.cloud) else { return }
        current?.sum.isTaken = true
        context.begin { [self] in try await help(round: round, record: record) }
    }

    private func complain(of round: Round, _ error: any Error) {
        context.log.tell(.refused(.sum), round: round.opening.content.round, [.reason: .text("\(error)")])
    }

    /// Checks the sum, and only then makes this cloud's share; the decision and the share are journaled as one before anything
    /// leaves, under a name that a round has once: a second sum of the round finds no help.
    private func help(round: Round, record: SumToOpen.Record) async throws {
        guard let opening = round.key?.opening, let scheme = round.scheme, let now = current,
            now.opening.digest == round.opening.digest
        else {
            return
        }
        let (number, cloud) = (round.opening.content.round, context.stage.cloud)
        let signer = try context.identity.everKey(of: context.stage)
        let kept = try context.journal.read {
            try $0.kept(contribution(number), by: context.stage, verifiedBy: signer)
        }
        let isHelped = try context.journal.read { try $0.hasDeparture(share(number)) }
        if isHelped, try openedSums().contains(where: { $0.round == number && $0.sum == record.contents.sum }) {
            // Another aggregate shows the sum that this cloud's share is of: publish has it, or is being sent it.
            try context.journal.note { entry in for arrival in now.sum.unanswered { try entry.spend(arrival) } }
            return answer(now.sum.unanswered)
        }
        guard !isHelped, let own = kept else {
            return try leave(now.sum, "this cloud has opened the round already, or has nothing in it")
        }
        let sum = OpenedSum(
            round.opening.content, sum: record.contents.sum, clouds: record.contributions.map(\.cloud),
            bases: record.contributions.reduce(into: [:]) { $0[$1.cloud] = $1.about.base })
        if let conflict = try openedSums().lazy.compactMap({ $0.conflict(with: sum) }).first {
            context.log.tell(.refused(.sum), round: number, [.reason: .text(conflict)])
            return try leave(now.sum, conflict)
        }
        let check = SumCheck(
            opening: round.opening, scheme: scheme, cloud: cloud, own: own, record: record,
            evidence: now.sum.evidence)
        let (threads, name) = (configuration.threads, share(number))
        do {
            let made = try await context.offload { [context] in
                let clock = ContinuousClock()
                let start = clock.now
                let product = scheme.encryptedPart(of: try check.product(threads: threads))
                let checked = clock.now
                let helper = try PartialOpener(
                    share: opening.share, key: opening.key, layout: scheme.layout, slots: scheme.slots)
                let row = try helper.row(
                    of: product, units: 0..<helper.shape.units, sealing: helper.sealing, threads: threads)
                let proof = try helper.proof(
                    of: row, sum: product, context: round.opening.digest.bytes, threads: threads)
                let writer = context.payloadWriter(for: name)
                try row.withUnsafeBytes(writer.append)
                let (payload, digest) = try writer.finish()
                return (
                    payload: payload, digest: digest, proof: proof, checking: checked - start,
                    opening: clock.now - checked
                )
            }
            guard let then = current, then.opening.digest == round.opening.digest, then.seat == round.seat else {
                context.discard(made.payload)
                for arrival in now.sum.unanswered { context.forget(arrival) }
                return
            }
            let offer = context.offer(
                name, payload: made.payload, digest: made.digest,
                about: ShareAbout(opening: round.opening.digest, sum: record.contents.sum, proof: made.proof))
            let arrivals = now.sum.unanswered
            try context.send([Departure(offer: offer, receiver: context.publisher, payload: made.payload)]) { entry in
                try entry.setFact(Self.openedFact(number), sum.bytes)
                for arrival in arrivals { try entry.spend(arrival) }
            }
            answer(arrivals)
            context.log.tell(
                .shareMade, round: number,
                [
                    .opening: .name(round.opening.digest),
                    .cohort: .list(record.contributions.map { .name($0.cloud) }),
                    .root: .text(record.contents.root.description), .bytes: .number(made.payload.count),
                    .evidenceBytes: .number(
                        arrivals.reduce(0) { $0 + $1.payload.count + $1.offerBytes.count + $1.signature.count }),
                    .checkSeconds: .seconds(made.checking), .openSeconds: .seconds(made.opening),
                ])
        } catch  where error is RecordFault || error is EncryptionError || error is ThresholdError {
            complain(of: round, error)
            try leave(now.sum, "\(error)")
        }
    }

    static let openedPrefix = "opened/"
    static func openedFact(_ round: RoundNumber) -> String { "\(openedPrefix)\(round)" }

    /// What this cloud has to say, before a round closes, of sums that it has helped with: the round cannot be finished with it
    /// over other clouds.
    func helped(before opening: Opening) throws -> HelpedSum? {
        try opening.updateStart.flatMap { start in
            HelpedSum(of: try openedSums().filter { $0.round < opening.round }, from: start)
        }
    }

    /// All that this cloud has helped with in the run.
    func openedSums() throws -> [OpenedSum] {
        try context.journal.read { entry in
            try entry.factKeys(under: Self.openedPrefix).compactMap { key in
                try entry.fact(Self.openedPrefix + key).map { try OpenedSum(bytes: $0) }
            }
        }
    }

    private func answer(_ arrivals: [Arrival]) {
        for arrival in arrivals {
            arrival.payload.discard()
            context.acknowledge(arrival)
        }
    }

    /// Says why this cloud does not help.
    private func leave(_ sum: SumToOpen, _ reason: String) throws {
        for arrival in sum.unanswered { try context.refuse(arrival, reason) }
    }

    func share(_ round: RoundNumber) -> TransferName {
        TransferName(run: context.run, kind: .share, round: round, cloud: context.stage.cloud)
    }
}
