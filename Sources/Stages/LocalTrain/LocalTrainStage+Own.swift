import Federation
import Sodium
import StageKit

// What a cloud keeps of an adapter to itself (`shareA`: its B): it is written with the vector that was trained beside it, and never
// sent. A round that is given up does not take it back: it is trained on this cloud's records alone, and goes on from where it is.
extension LocalTrainStage {
    private static let ownFact = "own"

    func ownName(_ round: RoundNumber) -> TransferName {
        TransferName(run: context.run, kind: .vector, round: round, cloud: context.stage.cloud, part: 2)
    }

    private func ownRound(_ entry: JournalEntry) throws -> RoundNumber? {
        try entry.fact(Self.ownFact).flatMap { UInt32(String(decoding: $0, as: UTF8.self)) }.map { RoundNumber($0) }
    }

    /// Nil where nothing was kept yet.
    func own() throws -> OpenPayload? {
        let signer = try context.identity.everKey(of: context.stage)
        let kept = try context.journal.read { entry in
            try ownRound(entry).flatMap { try entry.kept(ownName($0), by: context.stage, verifiedBy: signer) }
        }
        guard let kept else { return nil }
        guard try kept.payload.withBytes({ Digest(ofContent: $0) }) == kept.offer.content.digest else {
            throw StageError.journal("the file of this cloud's own part of the adapter has been spoiled")
        }
        return try kept.payload.opened()
    }

    func keep(
        own: (payload: Payload, digest: Digest)?, of opening: Signed<Opening>, _ entry: JournalEntry
    ) throws {
        guard let own else { return }
        if let old = try ownRound(entry) {
            try entry.settleDeparture(ownName(old), to: context.stage, as: "used", reason: "it was trained on")
        }
        let round = opening.content.round
        let offer = context.offer(
            ownName(round), payload: own.payload, digest: own.digest, about: OpeningAbout(opening: opening.digest))
        try entry.keep(Departure(offer: offer, receiver: context.stage, payload: own.payload))
        try entry.setFact(Self.ownFact, Array("\(round)".utf8))
    }
}
