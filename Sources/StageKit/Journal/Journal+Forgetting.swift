package import Federation
internal import Foundation
internal import GRDB

/// What a stage still needs of publish's documents of rounds that are long over.
package struct Remembrance: Equatable, Sendable {
    /// The rounds whose releases it judges others by, beside the first and the newest of each purpose.
    package var releases: Set<RoundNumber>
    /// From this round on everything stays; nil: no more than `JournalEntry.remembered` rounds.
    package var from: RoundNumber?

    package init(releases: Set<RoundNumber> = [], from: RoundNumber? = nil) {
        self.releases = releases
        self.from = from
    }
}

// A run may go on for months, and a journal must not grow with it: what was settled in rounds that are long over is forgotten
// but for one number, below which every name counts as spent, and every opening as over. Of the releases the first and the newest
// of each purpose stay, which is what publish says again to whoever comes.
extension JournalEntry {
    /// How many rounds before the last one keep their rows: a transfer may be on its way while a round ends.
    package static let remembered: UInt32 = 4

    /// Forgets what was settled in rounds that lie more than `remembered` before `round`, which is over as are all before it.
    package func forgetRounds(before round: RoundNumber, but remembrance: Remembrance = Remembrance()) throws {
        guard round.value > Self.remembered else { return }
        let floor = round.value - Self.remembered
        guard try floor > self.floor() else { return }
        // Shards are of no round: where others have theirs they have the number of a partition, and held or not they stay.
        try database.execute(
            sql: "DELETE FROM arrival WHERE round BETWEEN 1 AND ? AND state != 'held' AND kind != ?",
            arguments: [Int(floor), TransferKind.shard.rawValue])
        try database.execute(
            sql: """
                DELETE FROM departure WHERE round BETWEEN 1 AND ? AND state NOT IN ('sending', 'kept') AND kind != ?
                """, arguments: [Int(floor), TransferKind.shard.rawValue])
        try setFact("floor", (0..<4).reversed().map { UInt8(truncatingIfNeeded: floor >> ($0 * 8)) })
        try forgetDocuments(through: min(floor, remembrance.from.map { max(1, $0.value) - 1 } ?? floor), remembrance)
    }

    private func forgetDocuments(through floor: UInt32, _ remembrance: Remembrance) throws {
        guard floor > 0 else { return }
        // Appointments are numbered by terms, and as rare as moves.
        try database.execute(
            sql: "DELETE FROM document WHERE kind IN (?, ?) AND round <= ?",
            arguments: [Opening.kind, Abandonment.kind, Int(floor)])
        let releases = try storedReleases()
        let ends = Dictionary(grouping: releases, by: \.purpose).values.flatMap { [$0.first?.round, $0.last?.round] }
        let kept = remembrance.releases.union(ends.compactMap(\.self))
        for release in releases where release.round.value <= floor && !kept.contains(release.round) {
            try database.execute(
                sql: "DELETE FROM document WHERE kind = ? AND round = ?",
                arguments: [Release.kind, Int(release.round.value)])
        }
    }

    /// In the order of rounds. They were verified when they came.
    private func storedReleases() throws -> [Release] {
        try Data.fetchAll(
            database, sql: "SELECT bytes FROM document WHERE kind = ? ORDER BY round", arguments: [Release.kind]
        ).map { try Release(decodeDocument(Array($0))) }
    }

    private func floor() throws -> UInt32 {
        try fact("floor").map { $0.reduce(UInt32(0)) { $0 << 8 | UInt32($1) } } ?? 0
    }

    /// Whether a transfer belongs to a round so old that its name may have been forgotten: then it is spent. Adapters may be wanted
    /// long after the round that made them, and shards are of no round.
    package func isForgotten(_ name: TransferName) throws -> Bool {
        try name.kind != .adapter && name.kind != .shard && name.round.value > 0 && name.round.value <= floor()
    }

    /// Whether a document that is not in the journal may have been there and been forgotten, so that it says nothing new. A
    /// release of long ago may still be the newest of its purpose that comes here.
    package func isForgotten(_ document: some Declaration, round: RoundNumber) throws -> Bool {
        if document is Appointment { return false }
        guard try round.value <= floor() else { return false }
        guard let release = document as? Release else { return true }
        return try storedReleases().contains { $0.purpose == release.purpose && $0.round >= round }
    }

    /// Forgets facts of former rounds: those under `prefix` whose key ends with a round before `round`.
    package func forgetFacts(under prefix: String, before round: RoundNumber) throws {
        try database.execute(
            sql: """
                DELETE FROM fact WHERE substr(key, 1, length(?1)) = ?1
                AND CAST(substr(key, length(?1) + 1) AS INTEGER) < ?2
                """, arguments: [prefix, Int(round.value)])
    }
}
