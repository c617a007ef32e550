import Federation
import Monitoring
import Sodium
import StageKit
import Topology

// Whose the sum of a round is. The topology says where aggregate is; openings and appointments say it to all, with a term, so
// that an aggregate which was moved away, and is still alive somewhere, has no effect.
extension PublishStage {
    /// For a new round.
    func nextSeat() throws -> Seat {
        let opened = try context.latestOpening()?.content.seat
        let appointed = try context.latestAppointment()?.content.seat
        guard let last = [opened, appointed].compactMap(\.self).max(by: { $0.term < $1.term }) else {
            return Seat(topology.aggregate)
        }
        return last.next(topology.aggregate)
    }

    /// Gives a round that was opened before to the aggregate that the topology has now.
    func moveIfNeeded(_ opening: Signed<Opening>) throws {
        let seat = try context.seat(of: opening)
        guard seat.aggregate != topology.aggregate else { return }
        let round = opening.content.round
        guard opening.content.suite != .secagg else {
            throw MaskedRoundMoved(from: seat.aggregate, to: topology.aggregate)
        }
        let appointment = Signed(
            Appointment(
                run: context.run, round: round, opening: opening.digest, seat: seat.next(topology.aggregate)),
            by: context.identity.signing)
        try context.journal.write { try $0.insert(appointment, round: appointment.content.term) }
        context.announce(appointment)
        context.log.tell(
            .roundMoved, round: round,
            [
                .from: .name(seat.aggregate), .to: .name(topology.aggregate),
                .term: .number(Int(appointment.content.seat.term)),
            ])
    }

    /// Only the aggregate of the highest term has any say in a round.
    func standing(of sender: StageName, _ name: TransferName) throws -> Seat.Standing {
        guard let current else { return .unknown }
        return try context.seat(of: current).standing(of: sender, sending: name)
    }

    /// Says again to one stage that the open round was moved, if it was.
    func announceMove(of opening: Signed<Opening>, to stage: StageName) throws {
        guard let newest = try context.latestAppointment(), newest.content.opening == opening.digest else { return }
        context.announce(newest, to: stage)
    }
}

/// Why a masked round is not gone on with at another aggregate: its masks were agreed on over the first one, and clouds that
/// had answered both might show both secrets of one of them (docs/protocol.md, "Secure aggregation").
struct MaskedRoundMoved: Error, CustomStringConvertible {
    let from: StageName
    let to: StageName

    var description: String { "aggregate was moved from \(from) to \(to), and a masked round cannot be" }
}
