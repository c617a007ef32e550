import Federation
import Foundation
import Glibc
import Publication
import Testing
import Topology

extension PipelineSuite {
    @Suite("Swaps")
    struct SwapTests {
        static let swaps = [
            Disturbance(stage: .ingest, cloud: "west", event: "round_joined", of: .aggregate, ofCloud: "office"),
            Disturbance(stage: .localTrain, cloud: "north", event: "round_joined", of: .encrypt, ofCloud: "north"),
            Disturbance(stage: .encrypt, cloud: "north", event: "contribution_sealed", of: .encrypt, ofCloud: "north"),
            Disturbance(
                stage: .aggregate, cloud: "office", event: "contribution_counted", of: .aggregate, ofCloud: "office"),
            Disturbance(
                stage: .publish, cloud: "office", event: "contribution_counted", of: .aggregate, ofCloud: "office"),
        ]
        static let round = Disturbance.round

        @Test("Each kind of stage is replaced in the middle of a round, and the adapter is the same", arguments: swaps)
        func inARound(_ swap: Disturbance) async throws {
            let undisturbed = try await SharedRuns.paillier()
            let run = try FederationRun(SharedRuns.plan, keys: undisturbed.run)
            let held = run.stage(.encrypt, swap.held)
            run.pause(held, at: "contribution_receipted", round: Self.round - 1)
            try run.startAll()
            _ = try await run.event(swap.event, of: run.stage(swap.of, swap.ofCloud), round: Self.round)
            let stage = run.stage(swap.stage, swap.cloud)
            try await run.replace(stage)
            run.resume(held)
            #expect(try await run.finish().values.allSatisfy { $0 == 0 })
            #expect(try run.adapter() == undisturbed.run.adapter())
            let starts = run.book.all.filter { $0.stage == stage && $0.name == "stage_started" }
            #expect(starts.map { $0.fields["epoch"] } == ["1", "2"])
            for each in run.stages {
                let metrics = String(decoding: try run.read(run.topology.metricsPath(of: each)), as: UTF8.self)
                let count = metrics.split(separator: "\n").first { $0.hasPrefix("tributary_swaps_total{") }
                #expect(count?.hasSuffix(each == stage ? " 1" : " 0") == true, "\(each): \(count ?? "nothing")")
            }
            #expect(!run.book.all.contains { $0.name == "round_abandoned" })
        }

        @Test("A stage that trains hands over when it has trained, and not before")
        func drains() async throws {
            let undisturbed = try await SharedRuns.paillier()
            let run = try FederationRun(SharedRuns.plan, keys: undisturbed.run)
            try run.startAll()
            let trainer = run.stage(.localTrain, "west")
            _ = try await run.event("training_started", of: trainer, round: Self.round)
            try await run.replace(trainer)
            #expect(try await run.finish().values.allSatisfy { $0 == 0 })
            #expect(try run.adapter() == undisturbed.run.adapter())
            // Trained once: what the first process had in hand was not lost.
            let trained = run.book.all.filter {
                $0.stage == trainer && $0.name == "round_trained" && $0.round == Self.round
            }
            #expect(trained.count == 1)
        }

        @Test(
            "Every stage of a launched run is swapped in turn, one after another until it ends; the adapter is the same"
        )
        func launched() async throws {
            let undisturbed = try await SharedRuns.paillier()
            let run = try FederationRun(SharedRuns.plan, keys: undisturbed.run)
            try await run.launch()
            var answers: [SwapAnswer] = []
            swapping: while true {
                for stage in run.stages {
                    guard let answer = try await run.swap(stage) else { break swapping }
                    answers.append(answer)
                    if answer.result.event == "refused" { break swapping }
                }
            }
            let end = try await run.event("exited", of: try run.launcher)
            #expect(end.fields["status"] == "0")
            #expect(try run.adapter() == undisturbed.run.adapter())
            #expect(ReleaseVerification.verify("\(run.releases)/latest").isSound)
            let done = answers.filter { $0.result.event == "done" }
            #expect(done.count >= 3, "\(answers)")
            // The last may have come too late: the run was over.
            #expect(answers.dropLast().allSatisfy { $0.result.event == "done" }, "\(answers)")
        }

        @Test("A config that the stage refuses changes nothing: the stage goes on as it was, and the user reads why")
        func badConfig() async throws {
            let run = try FederationRun(.init(suite: .clear, updates: 1))
            try await run.launch()
            // Or the run would end before the second swap.
            try await run.signalLaunched(SIGSTOP, to: run.stage(.localTrain, "east"))
            let bad = "\(run.root)/bad.yaml"
            try run.write(Array("threads: 1\nlimit: {}\n".utf8), bad)
            let answer = try #require(try await run.swap(run.stage(.encrypt, "north"), "--config", bad))
            #expect(answer.result.event == "failed")
            #expect(answer.result.reason?.contains("exit status 78") == true)
            let good = "\(run.root)/good.yaml"
            try run.write(Array("threads: 2\n".utf8), good)
            let second = try #require(try await run.swap(run.stage(.encrypt, "north"), "--config", good))
            #expect(second.result.event == "done")
            try await run.signalLaunched(SIGCONT, to: run.stage(.localTrain, "east"))
            run.signal(SIGTERM, to: try run.launcher)
            let end = try await run.event("exited", of: try run.launcher)
            #expect(end.fields["status"] == "0")
        }
    }
}
