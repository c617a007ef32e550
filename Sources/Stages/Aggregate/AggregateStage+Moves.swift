import Federation
import Monitoring
import Sodium
import StageKit

// A round that publish gives to another aggregate: this stage lets go of it, or takes it over.
extension AggregateStage {
    func appointed(_ appointment: Signed<Appointment>) async throws {
        guard let opening = try context.latestOpening(), opening.digest == appointment.content.opening,
            try context.isOpen(opening), current?.seat != (try context.seat(of: opening))
        else { return }
        if let current { try cancelAll(of: current.opening.content) }
        current = nil
        try take(opening)
    }

    /// The round is another's: what was received for it is of no use here, and its clouds have kept it.
    func letGo(of opening: Signed<Opening>, to seat: Seat) throws {
        let round = opening.content.round
        current = nil
        movedAway = round
        let held = try context.journal.read { try $0.held(.contribution) }.filter { $0.offer.name.round == round }
        try settleMoved(round)
        context.log.tell(
            .roundElsewhere, round: round,
            [.aggregate: .name(seat.aggregate), .term: .number(Int(seat.term)), .letGo: .number(held.count)])
    }

    func settleMoved(_ round: RoundNumber) throws {
        try context.journal.note { try $0.forgetArrivals(.contribution, round: round, held: true) }
    }

    /// The round is this stage's by an appointment. Of an earlier term of its own it keeps whole contributions that are in no
    /// sum yet; the others are offered again, since their names are free.
    func startAnew(_ opening: Signed<Opening>) throws {
        let round = opening.content.round
        movedAway = nil
        let (hasSum, hasShortfall) = try ends(of: round)
        guard !hasSum, !hasShortfall else { return }
        try context.journal.note { try $0.forgetArrivals(.contribution, round: round, held: false) }
    }

    /// What this stage has said of the round in this term.
    func ends(of round: RoundNumber) throws -> (sum: Bool, shortfall: Bool) {
        try context.journal.read {
            (try $0.hasDeparture(name(.sum, round)), try $0.hasDeparture(name(.shortfall, round)))
        }
    }
}
