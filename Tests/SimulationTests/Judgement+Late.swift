import Federation
import Sodium
import StageKit
import Topology

// Late updates: each counts once at most, no older than the pace allows, and none goes that could have counted.
extension Judgement {
    /// What the sum of a round counts of which rounds.
    func judgeBases(
        of release: Release, in opening: Opening, _ counted: inout Set<RecentUpdates.Part>
    ) -> [CloudName: RoundNumber] {
        let round = release.round
        var bases: [CloudName: RoundNumber] = [:]
        for part in federation.ledger.published.parts[round] ?? [] {
            let base = part.base ?? round
            bases[part.cloud] = base
            if !counted.insert(.init(cloud: part.cloud, base: base)).inserted {
                violate("\(part.cloud)'s update of round \(base) counts a second time, in round \(round)")
            }
            let isLate = base != round
            if isLate, opening.pace == nil { violate("round \(round) is synchronous, and counts an update of \(base)") }
            if isLate, opening.staleness(of: base) > opening.pace?.oldest ?? 0 {
                violate("round \(round) counts \(part.cloud)'s update of round \(base), which is too old")
            }
        }
        return bases
    }

    /// Where no stage loses what it has trained, all that was trained has counted, or is kept until the end.
    func judgeLost(_ counted: Set<RecentUpdates.Part>) {
        let schedule = federation.schedule
        guard !schedule.plan.pace.isEmpty, schedule.kind == .mild, federation.runFailure == nil,
            !schedule.faults.contains(where: \.fault.losesTraining)
        else { return }
        for (part, reason) in federation.ledger.letGo {
            violate("\(part.cloud) has let go of its update of round \(part.base): \(reason)")
        }
        for part in federation.ledger.trained where !counted.contains(part) && !isHeld(part) {
            violate("\(part.cloud)'s update of round \(part.base) has not counted, and is not there any more")
        }
    }

    private func isHeld(_ part: RecentUpdates.Part) -> Bool {
        let stage = StageName(cloud: part.cloud, kind: .localTrain)
        guard let process = federation.processes.first(where: { $0.stage == stage }) else { return false }
        do {
            let note = try process.disk.journal.read { try $0.fact("held-update") } ?? []
            return String(decoding: note, as: UTF8.self).split(separator: " ").first == "\(part.base.value)"[...]
        } catch { return false }
    }
}
