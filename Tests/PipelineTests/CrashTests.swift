import Federation
import Keys
import Publication
import Testing
import Topology

extension PipelineSuite {
    /// kill -9 of one stage in the middle of an update round, and a start as the launcher would make it.
    @Suite("Kills")
    struct CrashTests {
        /// Who is killed, and after which event of the second update round.
        struct Kill: Sendable, CustomTestStringConvertible {
            let stage: StageKind
            let cloud: String
            let event: String
            /// Whose event it is.
            let of: StageKind
            let ofCloud: String
            var testDescription: String { "\(cloud)/\(stage) after \(event) of \(ofCloud)/\(of)" }
        }

        static let kills = [
            Kill(stage: .ingest, cloud: "west", event: "round_joined", of: .aggregate, ofCloud: "office"),
            Kill(stage: .localTrain, cloud: "north", event: "round_joined", of: .encrypt, ofCloud: "north"),
            Kill(stage: .encrypt, cloud: "east", event: "round_trained", of: .localTrain, ofCloud: "east"),
            Kill(stage: .encrypt, cloud: "north", event: "contribution_sealed", of: .encrypt, ofCloud: "north"),
            Kill(stage: .aggregate, cloud: "office", event: "contribution_counted", of: .aggregate, ofCloud: "office"),
            Kill(stage: .publish, cloud: "office", event: "round_closed", of: .aggregate, ofCloud: "office"),
        ]

        @Test("A run ends with the same adapter whoever is killed during an update round", arguments: kills)
        func kill(_ kill: Kill) async throws {
            let undisturbed = try await SharedRuns.paillier()
            let run = try FederationRun(SharedRuns.plan, keys: undisturbed.run)
            let round = 3
            try run.startAll()
            let victim = run.stage(kill.stage, kill.cloud)
            _ = try await run.event(kill.event, of: run.stage(kill.of, kill.ofCloud), round: round)
            try await run.killAndRestart(victim)
            let statuses = try await run.finish()
            #expect(statuses.values.allSatisfy { $0 == 0 }, "\(statuses)")
            #expect(try run.adapter() == undisturbed.run.adapter())
            #expect(ReleaseVerification.verify("\(run.releases)/latest").isSound)
            // It was the second update round that was hit, and the stage did start again.
            let starts = run.book.all.filter { $0.stage == victim && $0.name == "stage_started" }
            #expect(starts.map { $0.fields["epoch"] } == ["1", "2"])
        }
    }
}
