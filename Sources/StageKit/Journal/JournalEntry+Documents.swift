package import Federation
internal import Foundation
internal import GRDB
package import Sodium

// What publish has said, by kind and round, and what a stage notes for itself.
extension JournalEntry {
    package func insert<Content>(_ document: Signed<Content>, round: RoundNumber) throws {
        try database.execute(
            sql: "INSERT INTO document (kind, round, bytes, signature) VALUES (?, ?, ?, ?)",
            arguments: [
                Content.kind, Int(round.value), Data(document.bytes), Data(document.signature.bytes),
            ])
    }

    package func document<Content: Declaration>(
        _: Content.Type, round: RoundNumber, key: any SignatureVerifier, signer: StageName
    ) throws -> Signed<Content>? {
        try documents(Content.self, key: key, signer: signer, where: "AND round = \(round.value)").first
    }

    package func latest<Content: Declaration>(
        _: Content.Type, key: any SignatureVerifier, signer: StageName
    ) throws -> Signed<Content>? {
        try documents(Content.self, key: key, signer: signer, where: "ORDER BY round DESC LIMIT 1").first
    }

    /// All documents of a kind in the order of their rounds.
    package func all<Content: Declaration>(
        _: Content.Type, key: any SignatureVerifier, signer: StageName
    ) throws -> [Signed<Content>] {
        try documents(Content.self, key: key, signer: signer, where: "ORDER BY round")
    }

    private func documents<Content: Declaration>(
        _: Content.Type, key: any SignatureVerifier, signer: StageName, where clause: String
    ) throws -> [Signed<Content>] {
        try Row.fetchAll(
            database, sql: "SELECT bytes, signature FROM document WHERE kind = ? \(clause)", arguments: [Content.kind]
        ).map { row in
            try Signed(
                bytes: Array(row["bytes"] as Data), signature: Array(row["signature"] as Data), key: key,
                signer: signer.description)
        }
    }

    package func fact(_ key: String) throws -> [UInt8]? {
        try Data.fetchOne(database, sql: "SELECT value FROM fact WHERE key = ?", arguments: [key]).map { Array($0) }
    }

    /// The part after `prefix` of every fact's key that begins so.
    package func factKeys(under prefix: String) throws -> [String] {
        try String.fetchAll(
            database, sql: "SELECT substr(key, length(?1) + 1) FROM fact WHERE substr(key, 1, length(?1)) = ?1",
            arguments: [prefix])
    }

    /// Whether this stage has done with its run: it has heard the end, and its part of the farewells is over.
    package func isRunOver() throws -> Bool { try fact("end") != nil }
    package func endRun() throws { try setFact("end", [1]) }

    package func setFact(_ key: String, _ value: [UInt8]) throws {
        try database.execute(
            sql: "INSERT INTO fact (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            arguments: [key, Data(value)])
    }
}
