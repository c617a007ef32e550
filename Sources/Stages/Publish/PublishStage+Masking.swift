import Encryption
import Federation
import Monitoring
import Sodium
import StageKit
import Topology

// Publish in a masked round.
extension PublishStage {
    private func advertisement(_ round: RoundNumber) -> TransferName {
        TransferName(run: context.run, kind: .advertisement, round: round, cloud: context.stage.cloud)
    }

    /// Refuses a quorum that masks cannot have.
    nonisolated static func checkMasks(clouds: Int, least: Int) throws(StageError) {
        guard let threshold = MaskingTerms.threshold(clouds: clouds, minimumCohort: least, colluders: 1) else {
            throw .configuration("`suite: secagg` needs at least 3 clouds with data, here are \(clouds)")
        }
        guard least >= max(threshold, MaskingTerms.smallestCohort) else {
            throw .configuration(
                "a round may close with \(least) of \(clouds) clouds; under `suite: secagg` it takes \(max(threshold, MaskingTerms.smallestCohort)), or two sets of survivors could each be unmasked: raise publish's `quorum`"
            )
        }
    }

    /// Makes publish's keys of a masked round and sends them to aggregate.
    ///
    /// - Throws: `MaskingError.masksSpent` where an earlier life of this stage has sent some, which are lost.
    func beginUnmasking(_ opening: Signed<Opening>) throws {
        guard opening.content.suite == .secagg else { return unmasking = nil }
        let name = advertisement(opening.content.round)
        guard try !context.journal.read({ try $0.hasDeparture(name) }) else { throw LostKeys() }
        let made = try RoundUnmasking(opening, publisher: context.stage, signers: context.identity.keys)
        let bytes = Signed(made.advertisement, by: context.identity.signing).payload(by: context.stage)
        let offer = context.offer(
            name, payload: .bytes(bytes), digest: Digest(ofContent: bytes),
            about: OpeningAbout(opening: opening.digest))
        try context.send([Departure(offer: offer, receiver: topology.aggregate, payload: .bytes(bytes))])
        unmasking = made
    }

    /// A successor would not have the round's keys.
    var mayHandOver: Bool { unmasking == nil }

    func endUnmasking(_ round: RoundNumber) throws {
        guard unmasking != nil else { return }
        try context.cancel(advertisement(round), to: topology.aggregate)
        unmasking = nil
    }

    static let masksOfAggregate: Set<TransferKind> = [.roster, .agreement, .survivors]

    func verdict(onMasks offer: Offer, _ current: Signed<Opening>) throws -> Verdict {
        guard try OpeningAbout(offer.about).opening == current.digest else {
            return .refuse("it answers another opening")
        }
        guard let unmasking else { return .refuse("round \(current.content.round) is not masked") }
        guard offer.byteCount <= MaskDealing.maximumByteCount else {
            return .refuse("\(offer.byteCount) bytes are too many")
        }
        return unmasking.awaits(offer.name.kind) ? .borrow : .later
    }

    func arrived(ofMasks arrival: Arrival) throws {
        let name = arrival.offer.name
        do { try unmasking?.take(arrival) } catch  where error is MaskingError || error is FederationError {
            context.log.tell(
                .masksRefused, round: name.round,
                [.from: .text("\(arrival.peer)"), .what: .text(name.kind.rawValue), .reason: .text("\(error)")])
            try context.refuse(arrival, "\(error)")
            guard let current else { return }
            if name.kind == .disclosure {
                unmasking?.refuse(disclosureOf: name.cloud)
                guard unmasking?.isHopeful == false else { return }
            }
            return try abandon(
                current, missing: unmasking?.refused.sorted() ?? [], reason: "the masks cannot be taken off: \(error)",
                settling: nil)
        }
        try context.journal.note { try $0.spend(arrival) }
        context.acknowledge(arrival)
        if name.kind == .disclosure {
            context.log.tell(.shareVerified, round: name.round, [.from: .name(name.cloud)])
        }
    }
}

/// Why a masked round is not gone on with after a restart.
struct LostKeys: Error, CustomStringConvertible {
    let description = "publish was started again and has lost its keys of the round's masks"
}
