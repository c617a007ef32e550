import Federation
import Foundation
import Glibc
import Keys
import Testing
import Topology

extension PipelineSuite {
    /// A cloud whose records are trained on by several local-train stages.
    @Suite("Workers that come, go and die")
    struct ScalingTests {
        private func worker(_ ordinal: Int) throws -> StageName {
            StageName(cloud: try CloudName("north"), role: try StageRole(worker: ordinal))
        }

        /// North's local-train with further ones after it.
        private func topology(of run: FederationRun, workers count: Int) throws -> String {
            let text = try run.topologyText()
            let first = "      local-train: {config: local-train.yaml}\n"
            let more = (2...count).map { "      local-train-\($0): {config: local-train.yaml}\n" }.joined()
            return try run.writeTopology(
                text.replacing(first, with: first + more, maxReplacements: 1),
                "workers-\(count).yaml")
        }

        private func opened(_ run: FederationRun) throws -> Int {
            try run.log(of: run.topology.publish).last { $0.name == "round_opened" }?.round ?? 0
        }

        /// Waits for an update round after `round` that all of these have trained in and that is released, and answers its number.
        private func trained(_ run: FederationRun, by workers: [StageName], after round: Int) async throws -> Int {
            let last = try #require(workers.last)
            let found = try await run.logged("round_trained", by: last) { ($0.round ?? 0) > round }
            let number = try #require(found.round)
            for worker in workers.dropLast() {
                _ = try await run.logged("round_trained", by: worker) { $0.round == number }
            }
            _ = try await run.logged("round_released", by: run.topology.publish) { $0.round == number }
            return number
        }

        @Test("apply brings workers and takes them away in the middle of a run, which goes on and ends")
        func scaled() async throws {
            var plan = FederationRun.Plan(updates: 40, stays: 12, evaluates: false)
            plan.trainer = "none"
            plan.keys = .publisher
            let run = try FederationRun(plan)
            try await run.launch()
            try run.hold("west/local-train")
            let began = try run.launched()
            let publish = run.topology.publish
            let three = try topology(of: run, workers: 3)
            // Their keys are wanted first, and the answer says how they are made.
            let early = try await run.apply(three)
            #expect(early.status == 78 && early.output.contains("tributary keys \(three) --cloud north"))
            for ordinal in 2...3 { try run.keys.complete(try worker(ordinal)) }
            let grown = try await run.apply(three)
            #expect(grown.status == 0, "\(grown.output)\(grown.complaint)")
            #expect(grown.output.contains("+ north/local-train-2") && grown.output.contains("+ north/local-train-3"))
            let parted = try run.launched()
            #expect(
                parted.changed(since: began) == [
                    "north/encrypt", "north/ingest", "north/local-train", "office/publish",
                ])
            let workers = try (1...3).map { try worker($0) }
            // The round that was open may have north's contribution already.
            let before = try opened(run)
            try run.letGo("west/local-train")
            let together = try await trained(run, by: workers, after: before + 1)
            try run.hold("west/local-train")
            let shrunk = try await run.apply("\(run.root)/topology.yaml")
            #expect(shrunk.status == 0, "\(shrunk.output)\(shrunk.complaint)")
            #expect(shrunk.output.contains("- north/local-train-2") && shrunk.output.contains("- north/local-train-3"))
            #expect(Set(try run.launched().pids.keys) == Set(began.pids.keys))
            let left = try opened(run)
            try run.letGo("west/local-train")
            let alone = try await trained(run, by: [workers[0]], after: left + 1)
            #expect(alone > together)
            #expect(try await run.event("exited", of: try run.launcher, within: 600).fields["status"] == "0")
            let log = try run.log(of: publish)
            let abandoned = log.filter { $0.name == "round_abandoned" }
            #expect(abandoned.isEmpty, "\(abandoned.map(\.line))")
            for worker in workers.dropFirst() {
                let rounds = try run.log(of: worker).filter { $0.name == "round_trained" }.compactMap(\.round)
                #expect(rounds.allSatisfy { $0 <= left }, "\(rounds) \(left)")
            }
            let encrypt = try run.log(of: run.stage(.encrypt, "north"))
            #expect(!encrypt.contains { $0.name == "vector_refused" })
            #expect(encrypt.filter { $0.name == "contribution_sealed" }.count >= plan.updates)
        }

        @Test("A worker that is killed in a round is started again, trains, and the round ends with all clouds")
        func killed() async throws {
            var plan = FederationRun.Plan(updates: 3, steps: 2, stays: 48, evaluates: false)
            plan.keys = .publisher
            plan.workers = ["north": [1, 2]]
            plan.partition = "{mode: proportional}"
            let run = try FederationRun(plan)
            try await run.launch()
            let second = try worker(2)
            let first = try await run.logged("training_started", by: second)
            try await run.signalLaunched(SIGKILL, to: second)
            #expect(try await run.event("exited", of: try run.launcher, within: 600).fields["status"] == "0")
            let round = try #require(first.round)
            let log = try run.log(of: run.topology.publish)
            #expect(!log.contains { $0.name == "round_abandoned" })
            let released = try #require(log.first { $0.name == "round_released" && $0.round == round })
            #expect(released.fields["cohort"]?.contains("north") == true)
            let own = try run.log(of: second)
            #expect(own.filter { $0.name == "stage_started" }.count == 2)
            // Each has its part of north's records, by the speeds that the topology declares.
            let parts = try [worker(1), second].map { worker in
                let shard = try run.log(of: worker).first {
                    $0.name == "shard_received" && $0.fields["split"]?.contains("train") == true
                }
                return try #require(shard?.fields["examples"].flatMap { Int($0) })
            }
            let share = Double(parts[1]) / Double(parts[0] + parts[1])
            #expect(abs(share - 2.0 / 3) < 0.15, "\(parts)")
        }
    }
}
