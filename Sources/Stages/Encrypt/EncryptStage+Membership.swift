import Federation
import Sodium
import StageKit

// Clouds come and go between rounds, by a topology that this cloud's operator has applied.
extension EncryptStage {
    /// The clouds of all topologies that this stage has been run with, oldest first, a line each.
    private static let membershipsFact = "memberships"
    /// The digest of the opening that was joined last.
    private static let joinedFact = "joined"

    func takeUpHistory(_ clouds: [CloudName]) throws -> CohortHistory {
        let line = clouds.sorted().map(\.description).joined(separator: ",")
        let (known, joined) = try context.journal.read { entry in
            (
                try entry.fact(Self.membershipsFact).map { String(decoding: $0, as: UTF8.self) } ?? "",
                try entry.fact(Self.joinedFact)
            )
        }
        let lines = known.split(separator: "\n")
        if lines.last.map(String.init) != line {
            let text = (lines.map(String.init) + [line]).joined(separator: "\n")
            try context.journal.write { try $0.setFact(Self.membershipsFact, Array(text.utf8)) }
        }
        let former = try lines.map { try Set($0.split(separator: ",").map { try CloudName(String($0)) }) }
        return CohortHistory(
            clouds: clouds, former: former, own: context.stage.cloud, hasTakenPart: joined != nil)
    }

    func hasJoined(_ opening: Signed<Opening>) throws -> Bool {
        try context.journal.read { try $0.fact(Self.joinedFact) } == opening.digest.bytes
    }

    /// Forgotten with the power it would be joined again, or refused.
    func noteJoining(_ opening: Signed<Opening>) throws {
        guard try !hasJoined(opening) else { return }
        try context.journal.note { try $0.setFact(Self.joinedFact, opening.digest.bytes) }
    }
}
