package import Federation
internal import Foundation
internal import GRDB
package import Sodium

extension JournalEntry {
    package func insert(_ departure: Departure) throws { try insert(departure, as: "sending") }

    /// Keeps a payload of this stage's own until it is settled, under the stage as its receiver: it is not sent.
    package func keep(_ departure: Departure) throws { try insert(departure, as: "kept") }

    /// A payload that was kept, with the offer that was signed for it.
    package func kept(
        _ name: TransferName, by stage: StageName, verifiedBy key: any SignatureVerifier
    ) throws -> Departure? {
        try departures("state = 'kept' AND name = ?", [name.description], verifiedBy: key, of: stage).first
    }

    private func insert(_ departure: Departure, as state: String) throws {
        let (blob, file) = columns(departure.payload)
        let name = departure.offer.content.name
        try database.execute(
            sql: """
                INSERT INTO departure (name, receiver, kind, round, offer, signature, payload, file, count, state)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                """,
            arguments: [
                name.description, departure.receiver.description, name.kind.rawValue, Int(name.round.value),
                Data(departure.offer.bytes), Data(departure.offer.signature.bytes), blob, file, departure.payload.count,
                state,
            ])
    }

    /// `sending`, `durable`, `refused` and so on; nil for what was never to be sent there.
    package func departureState(_ name: TransferName, to receiver: StageName) throws -> String? {
        try String.fetchOne(
            database, sql: "SELECT state FROM departure WHERE name = ? AND receiver = ?",
            arguments: [name.description, receiver.description])
    }

    package func hasDeparture(_ name: TransferName) throws -> Bool {
        try Bool.fetchOne(
            database, sql: "SELECT EXISTS (SELECT 1 FROM departure WHERE name = ?)", arguments: [name.description])
            ?? false
    }

    /// What has become of all that was to be sent to a stage of a kind in a round.
    package func departures(
        of kind: TransferKind, round: RoundNumber, to receiver: StageName
    ) throws -> [(name: TransferName, state: String, reason: String)] {
        try Row.fetchAll(
            database,
            sql:
                "SELECT name, state, reason FROM departure WHERE kind = ? AND round = ? AND receiver = ? ORDER BY name",
            arguments: [kind.rawValue, Int(round.value), receiver.description]
        ).map { (try TransferName($0["name"] as String), $0["state"], $0["reason"]) }
    }

    package func sending(verifiedBy key: any SignatureVerifier, of stage: StageName) throws -> [Departure] {
        try departures("state = 'sending'", [], verifiedBy: key, of: stage)
    }

    private func departures(
        _ condition: String, _ arguments: StatementArguments, verifiedBy key: any SignatureVerifier, of stage: StageName
    ) throws -> [Departure] {
        try Row.fetchAll(
            database, sql: "SELECT * FROM departure WHERE \(condition) ORDER BY round, name", arguments: arguments
        ).map { row in
            Departure(
                offer: try Signed(
                    bytes: Array(row["offer"] as Data), signature: Array(row["signature"] as Data), key: key,
                    signer: stage.description),
                receiver: try StageName(row["receiver"] as String), payload: payload(row))
        }
    }

    package func settleDeparture(_ name: TransferName, to receiver: StageName, as state: String, reason: String) throws
    {
        let file = try String.fetchOne(
            database, sql: "SELECT file FROM departure WHERE name = ? AND receiver = ?",
            arguments: [name.description, receiver.description])
        try database.execute(
            sql: """
                UPDATE departure SET state = ?, reason = ?, payload = NULL, file = NULL
                WHERE name = ? AND receiver = ?
                """,
            arguments: [state, reason, name.description, receiver.description])
        try free(file)
    }

    /// Gives up what is on its way to any stage of `kind` but these: the topology has no way there any more.
    package func cancelDepartures(to kind: StageKind, but receivers: [StageName]) throws {
        let rows = try Row.fetchAll(
            database,
            sql: "SELECT name, receiver FROM departure WHERE state = 'sending' AND receiver LIKE ?",
            arguments: ["%/\(kind)%"])
        for row in rows {
            let receiver = try StageName(row["receiver"] as String)
            guard receiver.kind == kind, !receivers.contains(receiver) else { continue }
            try settleDeparture(
                TransferName(row["name"] as String), to: receiver, as: "cancelled",
                reason: "the topology has no \(receiver) any more")
        }
    }

    /// Unspends the name of a departure that was settled: it will be made anew.
    package func forgetDeparture(_ name: TransferName, to receiver: StageName) throws {
        try database.execute(
            sql: "DELETE FROM departure WHERE name = ? AND receiver = ? AND state != 'sending'",
            arguments: [name.description, receiver.description])
    }
}
