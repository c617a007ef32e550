import Federation
import Sodium
import StageKit

// Clouds come and go between rounds, by a topology that this cloud's operator has applied.
extension EncryptStage {
    /// The clouds of all topologies that this stage has been run with, oldest first, a line each.
    private static let membershipsFact = "memberships"
    /// The digest of the opening that was joined last.
    private static let joinedFact = "joined"
    /// The round of the opening that was joined first.
    private static let sinceFact = "since"

    func takeUpHistory(_ clouds: [CloudName]) throws -> CohortHistory {
        let line = clouds.sorted().map(\.description).joined(separator: ",")
        let (known, joined, since) = try context.journal.read { entry in
            (
                try entry.fact(Self.membershipsFact).map { String(decoding: $0, as: UTF8.self) } ?? "",
                try entry.fact(Self.joinedFact), try entry.fact(Self.sinceFact)
            )
        }
        let lines = known.split(separator: "\n")
        if lines.last.map(String.init) != line {
            let text = (lines.map(String.init) + [line]).joined(separator: "\n")
            try context.journal.write { try $0.setFact(Self.membershipsFact, Array(text.utf8)) }
        }
        let former = try lines.map { try Set($0.split(separator: ",").map { try CloudName(String($0)) }) }
        return CohortHistory(
            clouds: clouds, former: former, own: context.stage.cloud,
            since: joined == nil ? nil : RoundNumber(since?.reduce(0) { $0 << 8 | UInt32($1) } ?? 0))
    }

    func hasJoined(_ opening: Signed<Opening>) throws -> Bool {
        try context.journal.read { try $0.fact(Self.joinedFact) } == opening.digest.bytes
    }

    /// Forgotten with the power it would be joined again, or refused.
    func noteJoining(_ opening: Signed<Opening>) throws {
        guard try !hasJoined(opening) else { return }
        let round = opening.content.round.value
        try context.journal.note { entry in
            if try entry.fact(Self.joinedFact) == nil {
                try entry.setFact(
                    Self.sinceFact, (0..<4).reversed().map { UInt8(truncatingIfNeeded: round >> ($0 * 8)) })
            }
            try entry.setFact(Self.joinedFact, opening.digest.bytes)
        }
    }

    /// What this cloud has answered bounds what it answers again from the same adapter, or in the same round. Some rounds after
    /// the release of an update neither can be asked for any more: it would start from an older adapter, which the history
    /// refuses, or be of a round that the journal knows to be over.
    func forgetAnswers(before release: Release) throws {
        guard release.purpose == .update, release.round.value > JournalEntry.remembered else { return }
        let oldest = RoundNumber(release.round.value - JournalEntry.remembered)
        try context.journal.note { entry in
            try entry.forgetFacts(under: Self.openedPrefix, before: oldest)
            try entry.forgetFacts(under: Self.answersPrefix, before: oldest)
        }
    }
}
