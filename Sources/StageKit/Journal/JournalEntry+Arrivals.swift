package import Federation
internal import Foundation
internal import GRDB
package import Sodium

extension JournalEntry {
    package enum ArrivalState: String, Sendable {
        /// Durable, not used yet.
        case held
        /// Used: the payload is gone, the name stays spent.
        case used
        case refused
    }

    package func insert(_ arrival: Arrival) throws {
        let (blob, file) = columns(arrival.payload)
        try database.execute(
            sql: """
                INSERT INTO arrival (name, kind, round, offer, signature, digest, peer, payload, file, count, state)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'held')
                """,
            arguments: [
                arrival.offer.name.description, arrival.offer.name.kind.rawValue, Int(arrival.offer.name.round.value),
                Data(arrival.offerBytes), Data(arrival.signature), Data(arrival.offer.digest.bytes),
                arrival.peer.description, blob, file, arrival.payload.count,
            ])
    }

    /// What became of a transfer of this name: its digest and state; nil if it never arrived whole.
    package func arrivalState(_ name: TransferName) throws -> (digest: Digest, state: ArrivalState, reason: String)? {
        guard
            let row = try Row.fetchOne(
                database, sql: "SELECT digest, state, reason FROM arrival WHERE name = ?", arguments: [name.description]
            )
        else { return nil }
        guard let digest = Digest(bytes: row["digest"] as Data), let state = ArrivalState(rawValue: row["state"]) else {
            throw StageError.journal("the journal's row of \(name) is damaged: restore or remove the stage's state")
        }
        return (digest, state, row["reason"])
    }

    package func held(_ kind: TransferKind? = nil) throws -> [Arrival] {
        try Row.fetchAll(
            database,
            sql: "SELECT * FROM arrival WHERE state = 'held' AND (?1 IS NULL OR kind = ?1) ORDER BY round, name",
            arguments: [kind?.rawValue]
        ).map { row in
            let bytes = Array(row["offer"] as Data)
            return Arrival(
                offer: try Offer(decodeDocument(bytes)), offerBytes: bytes, signature: Array(row["signature"] as Data),
                peer: try StageName(row["peer"] as String), payload: payload(row))
        }
    }

    /// Spends the name of a transfer that was borrowed and is used (or refused): its payload was never here.
    package func spend(_ arrival: Arrival, as state: ArrivalState = .used, reason: String = "") throws {
        try insert(
            Arrival(
                offer: arrival.offer, offerBytes: arrival.offerBytes, signature: arrival.signature, peer: arrival.peer,
                payload: .bytes([])))
        try settle(arrival.offer.name, as: state, reason: reason)
    }

    /// Marks arrivals as used (or refused, with the reason) and lets go of their payloads; the names stay spent.
    package func settle(_ name: TransferName, as state: ArrivalState = .used, reason: String = "") throws {
        let file = try String.fetchOne(
            database, sql: "SELECT file FROM arrival WHERE name = ?", arguments: [name.description])
        try database.execute(
            sql: "UPDATE arrival SET state = ?, reason = ?, payload = NULL, file = NULL WHERE name = ?",
            arguments: [state.rawValue, reason, name.description])
        try free(file)
    }

    /// Unspends the names of a kind in a round: what they named is of no use any more, and may be wanted again. Of those that
    /// are held too, if told so.
    package func forgetArrivals(_ kind: TransferKind, round: RoundNumber, held: Bool) throws {
        let rows = try Row.fetchAll(
            database, sql: "SELECT name, file FROM arrival WHERE kind = ? AND round = ? AND (? OR state != 'held')",
            arguments: [kind.rawValue, Int(round.value), held])
        for row in rows {
            try database.execute(sql: "DELETE FROM arrival WHERE name = ?", arguments: [row["name"] as String])
            try free(row["file"])
        }
    }
}
