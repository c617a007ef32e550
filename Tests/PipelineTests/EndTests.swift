import Federation
import Foundation
import Glibc
import Testing
import Topology

extension PipelineSuite {
    /// How a run ends for stages that are away when the last release is announced.
    @Suite("The end of a run")
    struct EndTests {
        /// One update round of values without a meaning: what matters here is how it ends.
        private func run(grace: String) throws -> FederationRun {
            try FederationRun(
                .init(
                    clouds: ["north"], suite: .clear,
                    configs: [
                        .publish: """
                        values: 64
                        rounds: 1
                        minimum-cohort: 1
                        validate-every: 0
                        test: false
                        end-grace: \(grace)
                        """
                    ], trainer: "none"))
        }

        /// Runs up to the last release, which `kind` does not hear: it is killed before publish can say it.
        private func runWithout(_ kind: StageKind, grace: String) async throws
            -> (run: FederationRun, victim: StageName)
        {
            let run = try run(grace: grace)
            let victim = run.stage(kind, "north")
            let (publish, trainer) = (run.topology.publish, run.stage(.localTrain, "north"))
            run.book.when({ $0.stage == trainer && $0.name == "round_trained" }) { run.pause(publish) }
            // The round waits for local-train, so that all others know of it when publish stands still.
            for stage in run.stages where stage != trainer { try run.start(stage) }
            for kind in [StageKind.encrypt, .aggregate] {
                _ = try await run.event("round_joined", of: run.stage(kind, "north"))
            }
            try run.start(trainer)
            _ = try await run.event("round_closed", of: run.topology.aggregate)
            _ = try await run.event("contribution_receipted")
            let pid = run.pid(of: victim)
            run.signal(SIGKILL, to: victim)
            _ = try await run.event("killed", of: victim) { $0.fields["pid"] == "\(pid)" }
            run.resume(publish)
            let finished = try await run.event("run_finished", of: publish)
            #expect(finished.fields["waiting_for"]?.contains("\(victim)") == true)
            return (run, victim)
        }

        @Test(
            "A stage that was down when the run ended hears of it when it comes back; publish stays until then",
            arguments: [StageKind.ingest, .localTrain, .encrypt])
        func comesBack(kind: StageKind) async throws {
            let (run, victim) = try await runWithout(kind, grace: "5m")
            // The others leave, publish does not.
            for other in run.stages where other != victim && other != run.topology.publish {
                #expect(try await run.event("exited", of: other).fields["status"] == "0")
            }
            #expect(!run.book.all.contains { $0.name == "exited" && $0.stage == run.topology.publish })
            try run.start(victim)
            #expect(try await run.finish().values.allSatisfy { $0 == 0 })
            #expect(run.book.all.contains { $0.name == "end_heard" && $0.stage == victim })
            #expect(!run.book.all.contains { $0.name == "end_unheard" || $0.name == "end_unanswered" })
        }

        @Test(
            "A stage that stays away is waited for only so long, is named, and hears of the end when publish runs again"
        )
        func staysAway() async throws {
            let (run, victim) = try await runWithout(.ingest, grace: "1s")
            for other in run.stages where other != victim {
                #expect(try await run.event("exited", of: other).fields["status"] == "0")
            }
            let unheard = try await run.event("end_unheard", of: run.topology.publish)
            #expect(unheard.fields["missing"]?.contains("\(victim)") == true)
            try run.start(victim)
            try run.start(run.topology.publish)
            for stage in [victim, run.topology.publish] {
                let pid = run.pid(of: stage)
                let end = try await run.event("exited", of: stage) { $0.fields["pid"] == "\(pid)" }
                #expect(end.fields["status"] == "0")
            }
            #expect(run.book.all.contains { $0.name == "end_heard" && $0.stage == victim })
            // Nobody is missing any more: whoever is started now has nothing to do, and says so.
            for stage in run.stages {
                try run.start(stage)
                let pid = run.pid(of: stage)
                _ = try await run.event("exited", of: stage) { $0.fields["pid"] == "\(pid)" }
            }
            #expect(Set(run.book.all.filter { $0.name == "run_is_over" }.map(\.stage)) == Set(run.stages))
        }

        @Test("`tributary up` runs to the end and says so; on a run that is over it says so again and ends with 0")
        func up() throws {
            let run = try run(grace: "1m")
            for _ in 0..<2 {
                let launcher = Process()
                launcher.executableURL = URL(filePath: "\(FederationRun.binaries)/tributary")
                launcher.arguments = ["up", "\(run.root)/topology.yaml", "--state", run.topology.statePath]
                let output = Pipe()
                launcher.standardOutput = output
                launcher.standardError = output
                try launcher.run()
                let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
                launcher.waitUntilExit()
                #expect(launcher.terminationStatus == 0, "\(text)")
                #expect(text.contains("the run is over; another one wants"), "\(text)")
            }
        }
    }
}
