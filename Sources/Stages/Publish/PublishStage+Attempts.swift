import Federation
import Monitoring
import Publication
import StageKit
import Topology

// A step whose rounds are given up is tried again, for as long as it takes.
extension PublishStage {
    /// What the journal has of the step's attempts.
    func takeUpAttempts() throws {
        let last = releases.last?.content.round ?? RoundNumber(0)
        attempts = StepAttempts(after: last)
        if let bytes = try context.journal.read({ try $0.fact(StepAttempts.fact) }) {
            let noted = try StepAttempts(encoded: bytes)
            if noted.after == last { return attempts = noted }
        }
        // A journal of before attempts were noted.
        for end in try context.abandonments().map(\.content) where end.round > last {
            attempts.add(end.round, missing: end.missing, at: context.surroundings.time)
        }
    }

    /// Opens the step's next round, now or after a pause. A publish that is started again opens it at once.
    func tryAgain() throws {
        guard pause > .zero else { return try openNext() }
        retryBy = context.surroundings.now + pause
    }

    /// Under noise an opening is spent whatever becomes of its round.
    var pause: Duration { attempts.pause(isCostly: configuration.privacy != nil) }

    /// Whoever was missing is here again: nothing is left to wait for.
    func endPause(for stage: StageName) {
        guard retryBy != nil, attempts.missing[stage.cloud] != nil else { return }
        retryBy = context.surroundings.now
    }

    var pauseSituation: Situation {
        let step = plan.step(after: releases.count).map { " (\($0.purpose))" } ?? ""
        let clouds = attempts.missing.keys.sorted()
        guard !clouds.isEmpty else {
            return .waiting(for: [], "the step\(step) was given up, and is tried again after a pause")
        }
        return .waiting(
            for: clouds.map { StageName(cloud: $0, kind: .encrypt) },
            "the step\(step) was given up without \(clouds.count == 1 ? "it" : "them"), and is tried again after a pause, or as soon as \(clouds.count == 1 ? "it comes" : "one of them comes")"
        )
    }

    /// Who is missing, and since when; where nobody is, that the step does not get on.
    var troubles: [Trouble] {
        func since(_ absence: StepAttempts.Absence) -> String {
            "round \(absence.round), \(String(decoding: Timestamp.text(absence.time * 1_000_000).prefix(16), as: UTF8.self))Z"
        }
        guard attempts.missing.isEmpty else {
            return attempts.missing.sorted { $0.key < $1.key }.map { cloud, absence in
                Trouble(
                    .round, about: cloud.description,
                    "it is missing since \(since(absence)): no round of the step has its quorum")
            }
        }
        guard attempts.count > 1, let first = attempts.first else { return [] }
        return [
            Trouble(
                .round, about: topology.aggregate.description,
                "every round of the step was given up since \(since(first)): `round_abandoned` in publish's log tells why"
            )
        ]
    }
}
