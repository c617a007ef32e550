import Federation
import Foundation
import Testing
import Topology

extension PipelineSuite {
    /// Which of the stages' processes carry the engine (docs/architecture.md, "The engine").
    @Suite("Who loads the engine")
    struct EngineTests {
        /// The engine's files that each stage of a run has mapped when its cloud has trained.
        private func mapped(trainer: String) async throws -> [StageKind: Set<String>] {
            var plan = FederationRun.Plan(clouds: ["north"], suite: .clear, updates: 1)
            plan.trainer = trainer
            let run = try FederationRun(plan)
            let encrypt = run.stage(.encrypt, "north")
            // The round is open until then: every stage is there.
            run.pause(encrypt, at: "round_joined", round: 2)
            try run.startAll()
            _ = try await run.event("round_trained", of: run.stage(.localTrain, "north"), round: 2)
            var found: [StageKind: Set<String>] = [:]
            for stage in run.stages {
                let maps = String(decoding: try run.read("/proc/\(run.pid(of: stage))/maps"), as: UTF8.self)
                let files = maps.split(separator: "\n").compactMap { $0.split(separator: "/").last.map(String.init) }
                found[stage.kind] = Set(files.filter { $0.lowercased().contains("torch") || $0.hasPrefix("libc10") })
                #expect(files.contains("tributary-\(stage.kind)"), "\(stage) has not mapped its own program")
            }
            run.resume(encrypt)
            #expect(try await run.finish().values.allSatisfy { $0 == 0 })
            return found
        }

        @Test(
            "local-train has libtorch mapped when it trains a LoRA and not with the empty trainer; no other stage ever has"
        )
        func maps() async throws {
            let trained = try await mapped(trainer: "lora")
            #expect(trained[.localTrain]?.contains { $0.hasPrefix("libtorch_cpu.so") } == true)
            #expect(trained.count == 5)
            for (kind, files) in trained where kind != .localTrain { #expect(files == [], "\(kind)") }
            let empty = try await mapped(trainer: "none")
            for (kind, files) in empty { #expect(files == [], "\(kind)") }
        }
    }
}
