import Federation
import Monitoring
import Publication
import Sodium
import StageKit
import Topology

// The end of a run, and those who come late.
extension PublishStage {
    private static let heardPrefix = "heard/"

    /// The run is over: everyone has been told, and the process stays until all have said that they have heard it, or have
    /// been away for too long. Started again it waits for those once more.
    func finish() throws {
        guard !isDone else { return }
        isDone = true
        // An adapter that somebody still lacks is of no use any more.
        try context.cancelAll()
        let heard = Set(try context.journal.read { try $0.factKeys(under: Self.heardPrefix) })
        unheard = Set(topology.stages.map(\.name).filter { $0 != context.stage && !heard.contains("\($0)") })
        context.log.tell(
            .runFinished, [.rounds: .number(releases.count), .waitingFor: .list(unheard.sorted().map { .name($0) })])
        endBy = context.surroundings.now + configuration.endGrace
        try leaveIfHeard()
    }

    func heardEnd(by stage: StageName, of release: Digest) async throws {
        guard let last = releases.last, last.content.isFinal, last.digest == release else { return }
        // It may come before `finish` has looked for who is missing.
        if !isDone || unheard.contains(stage) {
            try context.journal.write { try $0.setFact("\(Self.heardPrefix)\(stage)", [1]) }
            unheard.remove(stage)
        }
        // Said again for as long as the stage asks: the answer may have been lost.
        context.sayHeard(release, to: stage)
        try leaveIfHeard()
    }

    private func leaveIfHeard() throws {
        guard isDone, unheard.isEmpty else { return }
        try context.journal.write { try $0.endRun() }
        context.end(.success(()))
        endBy = nil
    }

    /// Whoever joins hears what still counts: the last release of each purpose, and the open round.
    func joined(_ stage: StageName) async throws {
        for release in releases.newest {
            context.announce(release, to: stage)
        }
        endPause(for: stage)
        if let current {
            context.announce(current, to: stage)
            try announceMove(of: current, to: stage)
        }
    }
}
