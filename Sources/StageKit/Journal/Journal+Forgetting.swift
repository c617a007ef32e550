package import Federation
internal import GRDB

// A run may go on for months, and a journal must not grow with it: what was settled in rounds that are long over is forgotten
// but for one number, below which every name counts as spent. Documents stay, for they are what a run is audited by.
extension JournalEntry {
    /// How many rounds before the last one keep their rows: a transfer may be on its way while a round ends.
    package static let remembered: UInt32 = 4

    /// Forgets what was settled in rounds that lie more than `remembered` before `round`, which is over as are all before it.
    package func forgetRounds(before round: RoundNumber) throws {
        guard round.value > Self.remembered else { return }
        let floor = round.value - Self.remembered
        guard try floor > self.floor() else { return }
        // Shards are of no round, and held or not they stay.
        try database.execute(
            sql: "DELETE FROM arrival WHERE round BETWEEN 1 AND ? AND state != 'held'", arguments: [Int(floor)])
        try database.execute(
            sql: "DELETE FROM departure WHERE round BETWEEN 1 AND ? AND state NOT IN ('sending', 'kept')",
            arguments: [Int(floor)])
        try setFact("floor", (0..<4).reversed().map { UInt8(truncatingIfNeeded: floor >> ($0 * 8)) })
    }

    private func floor() throws -> UInt32 {
        try fact("floor").map { $0.reduce(UInt32(0)) { $0 << 8 | UInt32($1) } } ?? 0
    }

    /// Whether a transfer belongs to a round so old that its name may have been forgotten: then it is spent. Adapters alone may
    /// be wanted long after the round that made them.
    package func isForgotten(_ name: TransferName) throws -> Bool {
        try name.kind != .adapter && name.round.value > 0 && name.round.value <= floor()
    }
}
