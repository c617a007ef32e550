import Federation
import StageKit

// Updates of earlier rounds (docs/pace.md). A vector is in one opened sum at most, whatever an opening says of it: what this stage has
// sealed it remembers, and it seals a vector again only after the round before was released without it.
extension EncryptStage {
    /// Behind it the round of a sum, and as the value the round that the vector in it was trained for.
    private static let basePrefix = "base/"

    /// Why a vector is not sealed for an opening.
    ///
    /// - Parameter base: the round that it was trained for; nil for the opening's own.
    func fault(inVectorOf base: RoundNumber?, for opening: Opening) throws -> String? {
        let cloud = context.stage.cloud
        if let fault = opening.fault(inVectorOf: cloud, base: base) { return fault }
        guard let pace = opening.pace, let base else { return nil }
        if let sum = try openedSums().first(where: { $0.round != opening.round && $0.base(of: cloud) == base }) {
            return "this cloud has helped to open a sum of round \(sum.round) that it is in"
        }
        let key = try context.identity.everKey(of: context.publisher)
        return try context.journal.read { entry in
            for earlier in try sealedRounds(of: base, entry) where earlier < opening.round {
                if let fault = pace.fault(inVectorOf: cloud, base: base, sealedFor: earlier) { return fault }
                let release = try entry.document(Release.self, round: earlier, key: key, signer: context.publisher)
                if let release, release.content.cohort.contains(where: { $0.cloud == cloud }) {
                    return "it was in the sum of round \(earlier), which has been released"
                }
            }
            return nil
        }
    }

    private func sealedRounds(of base: RoundNumber, _ entry: JournalEntry) throws -> [RoundNumber] {
        try entry.factKeys(under: Self.basePrefix).compactMap { key in
            guard try entry.fact(Self.basePrefix + key) == Self.bytes(base) else { return nil }
            return UInt32(key).map { RoundNumber($0) }
        }.sorted()
    }

    /// Goes into the journal with the contribution.
    func noteSealed(_ base: RoundNumber?, for opening: Opening, _ entry: JournalEntry) throws {
        guard opening.purpose == .update, let pace = opening.pace else { return }
        try entry.setFact("\(Self.basePrefix)\(opening.round)", Self.bytes(base ?? opening.round))
        // Nobody is asked any more for what was trained before these.
        guard pace.recent.updates.count >= pace.oldest, let first = pace.recent.updates.first else { return }
        try entry.forgetFacts(under: Self.basePrefix, before: first.round)
    }

    private static func bytes(_ round: RoundNumber) -> [UInt8] {
        (0..<4).reversed().map { UInt8(truncatingIfNeeded: round.value >> ($0 * 8)) }
    }
}
