import Federation
import StageKit

// What this cloud has told of its loss, to be held against what an opening makes of it.
extension EncryptStage {
    private static let toldPrefix = "told-loss/"

    func noteTold(_ loss: UInt32?, _ opening: Opening, _ entry: JournalEntry) throws {
        guard let loss else { return }
        try entry.setFact(
            "\(Self.toldPrefix)\(opening.round)", (0..<4).reversed().map { UInt8(truncatingIfNeeded: loss >> ($0 * 8)) }
        )
    }

    /// Of the newest scores on the validation split that were released; nil where it told none.
    func toldLoss(in round: RoundNumber?) throws -> UInt32? {
        guard let round else { return nil }
        return try context.journal.read { try $0.fact("\(Self.toldPrefix)\(round)") }?.reduce(0) {
            $0 << 8 | UInt32($1)
        }
    }

    func forgetTold(before round: RoundNumber?) throws {
        guard let round else { return }
        try context.journal.note { try $0.forgetFacts(under: Self.toldPrefix, before: round) }
    }
}
