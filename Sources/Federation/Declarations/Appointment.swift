package import MessagePack
package import Sodium

/// Which aggregate makes the sum of a round, and in which term: the one place from which a sum can come. Aggregate is moved by
/// giving another the next term; terms count over the whole run, so a later one is a later word of publish's.
package struct Seat: Hashable, Sendable {
    package let aggregate: StageName
    /// 0 until aggregate is moved for the first time.
    package let term: UInt32

    package init(_ aggregate: StageName, term: UInt32 = 0) {
        self.aggregate = aggregate
        self.term = term
    }

    /// The seat of a round that is opened, or moved, while `aggregate` is where the federation has it.
    package func next(_ aggregate: StageName) -> Seat {
        aggregate == self.aggregate ? self : Seat(aggregate, term: term + 1)
    }

    /// What an aggregate that sends something is in the round. All that an aggregate sends has its term as the part of its name.
    package enum Standing: Equatable, Sendable {
        case seated
        /// Of a term that is not known here: an appointment may be on its way.
        case unknown
        /// It has no say, for this reason.
        case unseated(String)
    }

    package func standing(of sender: StageName, sending name: TransferName) -> Standing {
        if name.part > term { return .unknown }
        if name.part == term, sender == aggregate { return .seated }
        return .unseated("\(sender) does not make the sum of round \(name.round): \(aggregate) does, in term \(term)")
    }

    fileprivate init(_ fields: inout Fields, at place: String) throws {
        aggregate = try fields.stage("aggregate")
        term = UInt32(try fields.integer("term", in: 0...Int(UInt32.max)))
        guard aggregate.kind == .aggregate else {
            throw FederationError.malformed(place: "\(place).aggregate", "\(aggregate) is no aggregate")
        }
    }

    /// As they stand in an opening and in an appointment.
    var pairs: [(String, Value)] { [("aggregate", .text(aggregate.description)), ("term", .unsigned(UInt64(term)))] }
}

extension Fields {
    mutating func seat(at place: String) throws -> Seat { try Seat(&self, at: place) }
}

/// Gives a round that is open to another aggregate, from now on. Signed by publish; the one with the highest term counts.
package struct Appointment: Declaration {
    package static let kind = "appointment"

    package let run: RunName
    package let round: RoundNumber
    /// The opening whose round it is.
    package let opening: Digest
    package let seat: Seat

    package init(run: RunName, round: RoundNumber, opening: Digest, seat: Seat) {
        self.run = run
        self.round = round
        self.opening = opening
        self.seat = seat
    }

    package var value: Value {
        .map(
            [("run", .text(run.description)), ("round", .round(round)), ("opening", .digest(opening))] + seat.pairs)
    }

    package init(_ value: Value) throws {
        var fields = try Fields(value, at: "appointment")
        run = try fields.run("run")
        round = try fields.round("round")
        opening = try fields.digest("opening")
        seat = try fields.seat(at: "appointment")
        try fields.finish()
        guard seat.term > 0 else {
            throw FederationError.malformed(place: "appointment.term", "expected 1 or more, 0 is the first aggregate's")
        }
    }

    /// Journals have one appointment for each term.
    package var term: RoundNumber { RoundNumber(seat.term) }
}
