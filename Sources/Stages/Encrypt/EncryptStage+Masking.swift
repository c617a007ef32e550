import Encryption
import Federation
import Monitoring
import Sodium
import StageKit

// How a cloud masks what it contributes, and opens what takes the masks of a sum off (`suite: secagg`).
extension EncryptStage {
    private static let decisionFact = "masks/decision"

    private func name(_ kind: TransferKind, _ round: RoundNumber) -> TransferName {
        TransferName(run: context.run, kind: kind, round: round, cloud: context.stage.cloud)
    }

    // MARK: The beginning

    /// Makes this cloud's secrets of the round and sends its keys; nil where an earlier life of this stage has done so, whose
    /// secrets are lost.
    func makeMasking(for opening: Signed<Opening>) throws -> RoundMasking? {
        let number = opening.content.round
        let stage = context.stage
        let made = try context.journal.read { entry in
            try [TransferKind.advertisement, .consent, .disclosure].map { try entry.hasDeparture(name($0, number)) }
        }
        guard !made[0] else {
            // Nothing more is asked of it.
            if made[2] { return nil }
            // Whoever has consented is in the sum already, and enough others can open it.
            if !made[1] { try withdraw(from: opening) }
            context.log.tell(
                .masksLost, round: number,
                [
                    .reason: .text(
                        "this stage was started again in the middle of a masked round, whose secrets are in memory alone: this cloud takes part in the next"
                    )
                ])
            return nil
        }
        let masking = try RoundMasking(
            opening, stage: stage, publisher: context.publisher, signers: context.identity.keys,
            helped: helped(before: opening.content))
        try send(masking.advertisement, as: .advertisement, to: aggregate, of: opening)
        return masking
    }

    /// Takes back what has not left, and says that nothing more will come.
    func withdraw(from opening: Signed<Opening>) throws {
        let number = opening.content.round
        for kind in [TransferKind.advertisement, .shares, .contribution] {
            try context.cancel(name(kind, number), to: aggregate)
            try context.journal.write { entry in
                guard try entry.departureState(name(kind, number), to: aggregate) == "sending" else { return }
                try entry.settleDeparture(name(kind, number), to: aggregate, as: "cancelled", reason: "withdrawn")
            }
        }
        let withdrawal = name(.withdrawal, number)
        guard try !context.journal.read({ try $0.hasDeparture(withdrawal) }) else { return }
        let note: [UInt8] = [0]
        let offer = context.offer(
            withdrawal, payload: .bytes(note), digest: Digest(ofContent: note),
            about: OpeningAbout(opening: opening.digest))
        try context.send([Departure(offer: offer, receiver: aggregate, payload: .bytes(note))])
    }

    private func send<Content: Declaration>(
        _ document: Content, as kind: TransferKind, to receiver: StageName, of opening: Signed<Opening>,
        settling settle: (JournalEntry) throws -> Void = { _ in }
    ) throws {
        let bytes = Signed(document, by: context.identity.signing).payload(by: context.stage)
        let name = name(kind, opening.content.round)
        let payload = try context.spool(bytes, for: name)
        let offer = context.offer(
            name, payload: payload, digest: Digest(ofContent: bytes), about: OpeningAbout(opening: opening.digest))
        try context.send([Departure(offer: offer, receiver: receiver, payload: payload)], settling: settle)
    }

    // MARK: What aggregate sends

    static let masksOfAggregate: Set<TransferKind> = [.roster, .agreement, .survivors, .consents]

    func verdict(onMasks offer: Offer, _ round: Round) throws -> Verdict {
        guard try OpeningAbout(offer.about).opening == round.opening.digest else {
            return .refuse("it answers another opening of round \(offer.name.round)")
        }
        guard round.masking != nil else { return .refuse("round \(offer.name.round) is not masked") }
        guard offer.byteCount <= MaskDealing.maximumByteCount else {
            return .refuse("\(offer.byteCount) bytes are too many")
        }
        // A set of survivors without this cloud's contribution, which may be on its way to the disk.
        let isTooEarly = round.isSealing && offer.name.kind == .survivors
        return offer.name.kind == round.masking?.awaited && !isTooEarly ? .borrow : .later
    }

    func arrived(ofMasks arrival: Arrival, _ round: Round) throws {
        guard var masking = round.masking else { return try context.refuse(arrival, "the round is not masked") }
        let opening = round.opening
        masking.receivedBytes += arrival.payload.count + arrival.offerBytes.count + arrival.signature.count
        do {
            let payload = try arrival.payload.read()
            func settle(_ entry: JournalEntry) throws { try entry.spend(arrival) }
            switch arrival.offer.name.kind {
            case .roster:
                let shares = try masking.deal(payload)
                current?.masking = masking
                try send(shares, as: .shares, to: aggregate, of: opening, settling: settle)
            case .agreement:
                let masks = try masking.agree(payload, on: opening.content)
                current?.masking = masking
                current?.scheme = try RoundScheme(opening.content, key: nil, masks: masks)
                try context.journal.note(settle)
            case .survivors:
                let survivors = try MaskSurvivors(payload: payload)
                try check(survivors, of: opening.content)
                let decision = try masking.decide(payload)
                current?.masking = masking
                // The decision is in the journal before the word that is given on it leaves.
                try send(decision.consent, as: .consent, to: aggregate, of: opening) {
                    try $0.setFact(Self.decisionFact, decision.payload)
                    try settle($0)
                }
            default: try disclose(payload, masking, of: opening, settling: settle)
            }
        } catch  where error is MaskingError || error is FederationError || error is MaskRefusal {
            let kind = arrival.offer.name.kind.rawValue
            context.log.tell(
                .masksRefused, round: opening.content.round,
                [.from: .text("\(arrival.peer)"), .what: .text(kind), .reason: .text("\(error)")])
            return try context.refuse(arrival, "\(error)")
        }
        context.acknowledge(arrival)
        try sealWaiting()
    }

    private func disclose(
        _ consents: [UInt8], _ masking: RoundMasking, of opening: Signed<Opening>,
        settling settle: (JournalEntry) throws -> Void
    ) throws {
        guard let kept = try context.journal.read({ try $0.fact(Self.decisionFact) }) else {
            throw MaskingError.undecided
        }
        var masking = masking
        let decision = try MaskDecision(payload: kept)
        let disclosure = try masking.open(consents, after: decision)
        current?.masking = masking
        let opened = OpenedSum(decision.survivors, of: opening.content)
        try send(disclosure, as: .disclosure, to: context.publisher, of: opening) {
            try $0.setFact(Self.openedFact(opening.content.round), opened.bytes)
            try settle($0)
        }
        context.log.tell(
            .shareMade, round: opening.content.round,
            [
                .opening: .name(opening.digest),
                .cohort: .list(decision.survivors.survivors.map { .name($0.stage.cloud) }),
                .evidenceBytes: .number(masking.receivedBytes),
            ])
    }

    /// A round that publish gives up after it has the sum is opened again from the same adapter: two sums over different
    /// clouds would show what the difference of clouds trained.
    private func check(_ survivors: MaskSurvivors, of opening: Opening) throws {
        let sum = OpenedSum(survivors, of: opening)
        if let conflict = try openedSums().lazy.compactMap({ $0.conflict(with: sum) }).first {
            throw MaskRefusal(description: conflict)
        }
    }

    // MARK: The end

    /// A successor would not have the round's secrets.
    var mayHandOver: Bool { current?.masking == nil || current?.masking?.awaited == nil }

    func leaveMasks(of round: Round) throws {
        guard round.opening.content.suite == .secagg else { return }
        let number = round.opening.content.round
        for kind in [TransferKind.advertisement, .shares, .consent, .withdrawal] {
            try context.cancel(name(kind, number), to: aggregate)
        }
        try context.cancel(name(.disclosure, number), to: context.publisher)
    }
}

/// Why a cloud consents to no set of survivors, though it is well formed.
private struct MaskRefusal: Error, CustomStringConvertible {
    let description: String
}

extension OpenedSum {
    fileprivate init(_ survivors: MaskSurvivors, of opening: Opening) {
        self.init(opening, sum: survivors.documentDigest, clouds: survivors.survivors.map(\.stage.cloud))
    }
}
