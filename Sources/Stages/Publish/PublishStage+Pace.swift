import Federation
import Monitoring
import StageKit

// What has counted in the newest updates, for the clouds that were away when it did (docs/pace.md).
extension PublishStage {
    static let recentFact = "recent-updates"

    func takeUpRecentUpdates() throws {
        guard let bytes = try context.journal.read({ try $0.fact(Self.recentFact) }) else { return }
        do { recent = try RecentUpdates(bytes: bytes) } catch {
            throw StageError.journal("the journal's note of what has counted is damaged: \(error)")
        }
    }

    /// A sum's parts with what their clouds have signed of the rounds that their updates are of.
    func based(_ parts: SumAbout, _ told: [RecordedContribution]) -> SumAbout {
        let bases = Dictionary(told.map { ($0.cloud, $0.about.base) }) { first, _ in first }
        return SumAbout(
            opening: parts.opening, root: parts.root,
            parts: parts.parts.map {
                .init(
                    cloud: $0.cloud, weight: $0.weight, digest: $0.digest, transfer: $0.transfer, arrival: $0.arrival,
                    base: bases[$0.cloud] ?? nil)
            })
    }
}

extension SumAbout {
    /// Late updates in it, for people: `east 4`.
    var lateParts: EventValue {
        .list(parts.compactMap { part in part.base.map { .text("\(part.cloud) \($0)") } })
    }
}
