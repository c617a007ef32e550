import Federation
import Monitoring
import Sodium
import StageKit

// To which aggregate this cloud's contribution goes, as rounds are moved from one to another.
extension EncryptStage {
    /// Of which round and in which term the contribution was last offered.
    private static let offeredFact = "offered"

    /// Offers what was sealed for the open round to the aggregate that makes its sum, once in each of its terms: the same bytes
    /// whoever that is.
    func offerContribution() throws {
        guard let round = current, round.masking == nil else { return }
        let opening = round.opening.content
        guard round.seat.aggregate == aggregate else { return tellElsewhere(round.opening, round.seat) }
        let name = contribution(opening.round)
        // It may have been signed with keys that this stage had before.
        let signer = try context.identity.everKey(of: context.stage)
        let (kept, state, offered) = try context.journal.read { entry in
            (
                try entry.kept(name, by: context.stage, verifiedBy: signer),
                try entry.departureState(name, to: aggregate), try entry.fact(Self.offeredFact)
            )
        }
        guard let kept else { return }
        let offer = Self.note(opening.round, round.seat)
        if state != nil, state != "cancelled", offered == offer { return }
        guard state != "sending" else {
            return try context.journal.write { try $0.setFact(Self.offeredFact, offer) }
        }
        try context.journal.write { try $0.forgetDeparture(name, to: aggregate) }
        let departure = Departure(
            offer: kept.offer.signed(anew: context.identity.signing), receiver: aggregate, payload: kept.payload)
        try context.send([departure]) { try $0.setFact(Self.offeredFact, offer) }
        guard round.seat.term > 0 else { return }
        context.log.tell(
            .contributionOffered, round: opening.round,
            [.to: .name(aggregate), .term: .number(Int(round.seat.term)), .bytes: .number(kept.payload.count)])
    }

    private static func note(_ round: RoundNumber, _ seat: Seat) -> [UInt8] {
        [round.value, seat.term].flatMap { number in (0..<4).reversed().map { UInt8(number >> ($0 * 8) & 255) } }
    }

    func tellElsewhere(_ opening: Signed<Opening>, _ seat: Seat) {
        context.log.tell(
            .aggregateElsewhere, round: opening.content.round,
            [
                .aggregate: .name(seat.aggregate), .term: .number(Int(seat.term)),
                .reason: .text(
                    "publish has the sum of this round made by \(seat.aggregate), and this cloud's topology has \(aggregate): nothing is sent until `tributary apply` brings both to the same topology"
                ),
            ])
    }

    func appointed(_ appointment: Signed<Appointment>) async throws {
        guard let round = current, round.opening.digest == appointment.content.opening else { return }
        let seat = try context.seat(of: round.opening)
        guard seat != round.seat else { return }
        // From here on the one before gets no answer, and its receipts mean nothing.
        try context.cancel(contribution(round.opening.content.round), to: round.seat.aggregate)
        for arrival in round.sum.unanswered where !round.sum.isTaken { context.forget(arrival) }
        current?.seat = seat
        current?.sum = SumToOpen()
        context.log.tell(
            .roundMoved, round: round.opening.content.round,
            [.from: .name(round.seat.aggregate), .to: .name(seat.aggregate), .term: .number(Int(seat.term))])
        try offerContribution()
    }
}
