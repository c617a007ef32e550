import Federation
import Foundation
import Safetensors
import StageKit
import Testing
import Tokenization
import Topology

extension PipelineSuite {
    /// Clouds with several local-train stages.
    @Suite("Several workers of a cloud")
    struct WorkersTests {
        private static let gradientStep = """
            local-optimizer: sgd
            local-steps: 1
            batch-size: 65536
            learning-rate: 1
            gradient-clip: 0
            weight-decay: 0
            clip-norm: 0
            range: 1
            bits: 32
            """

        private func plan(_ method: String, workers: [String: [Double]], evaluates: Bool = false) -> FederationRun.Plan
        {
            var plan = FederationRun.Plan(suite: .clear, updates: 1, stays: 80, evaluates: evaluates)
            plan.workers = workers
            plan.configs[.publish] = """
                base: \(FederationRun.baseModel)
                base-name: tributary-base
                variables: \(FederationRun.repository)/configs/variables.yaml
                rounds: 1
                adapter: {rank: 4, alpha: 8, targets: [q_proj, v_proj]}
                minimum-cohort: 3
                deadline: 5m
                validate-every: 0
                test: \(evaluates)
                threads: 1
                \(method)
                """
            return plan
        }

        private func adapter(_ run: FederationRun) throws -> [Float] {
            let file = try SafetensorsFile(path: "\(run.releases)/latest/adapter_model.safetensors")
            return try file.tensors.keys.sorted().filter { $0.contains("lora_B") }.flatMap { try file.floats($0) }
        }

        /// The training shards that lie at a stage, from its journal.
        private func shards(_ run: FederationRun, _ stage: StageName) throws -> [(about: ShardAbout, shard: TokenShard)]
        {
            try run.journal(of: stage).read { try $0.held(.shard) }.map {
                (try ShardAbout($0.offer.about), try TokenShard(bytes: $0.payload.read()))
            }
        }

        @Test("Two workers' step of gradient descent over all records is one worker's, to a hundred-thousandth")
        func equalsOne() async throws {
            let two = try FederationRun(
                plan(Self.gradientStep, workers: ["north": [1, 1], "east": [1, 1, 1]], evaluates: true))
            try await two.run()
            let one = try FederationRun(plan(Self.gradientStep, workers: [:], evaluates: true), keys: two)
            try await one.run()
            let (found, expected) = (try adapter(two), try adapter(one))
            func norm(_ values: [Float]) -> Double { values.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot() }
            let off = norm(zip(found, expected).map { $0 - $1 }) / norm(expected)
            print("\(found.count) values of norm \(norm(expected)), \(off) off, relatively")
            #expect(norm(expected) > 0 && off < 1e-5)
            // Each did its part, and worker 1 alone scored.
            for stage in two.stages where stage.kind == .localTrain {
                #expect(two.book.all.contains { $0.stage == stage && $0.name == "round_trained" }, "\(stage)")
                let scored = two.book.all.contains { $0.stage == stage && $0.name == "round_scored" }
                #expect(scored == (stage.ordinal == 1), "\(stage)")
            }
            // Of each cloud as many training records lie at its workers together as at the one, and what is held out at the first.
            for cloud in ["north", "east", "west"] {
                let whole = try shards(one, one.stage(.localTrain, cloud))
                let workers = two.stages.filter { $0.kind == .localTrain && "\($0.cloud)" == cloud }
                let parts = try workers.map { try shards(two, $0) }
                func count(_ shards: [(about: ShardAbout, shard: TokenShard)], _ split: TokenShard.Split) -> Int {
                    shards.filter { $0.shard.split == split }.reduce(0) { $0 + $1.shard.count }
                }
                for split in TokenShard.Split.allCases {
                    #expect(parts.reduce(0) { $0 + count($1, split) } == count(whole, split), "\(cloud) \(split)")
                }
                #expect(parts.dropFirst().allSatisfy { $0.map(\.shard.split) == [.train] })
                let said = parts.flatMap(\.self).map(\.about.partition)
                #expect(
                    said.allSatisfy {
                        $0?.parts.map(\.records) == (workers.count > 1 ? parts.map { count($0, .train) } : nil)
                    })
            }
        }

        @Test("Records are shared out by the declared speeds")
        func proportional() async throws {
            var plan = plan("local-steps: 2\nbatch-size: 8\n", workers: ["west": [3, 1]])
            plan.partition = "{mode: proportional}"
            let run = try FederationRun(plan)
            try await run.run()
            let event = try await run.event("partition_changed", of: run.stage(.ingest, "west"))
            print(event.line)
            let parts = try #require(event.fields["parts"])
            let records = parts.split(whereSeparator: { !$0.isNumber }).compactMap { Int($0) }.filter { $0 > 2 }
            #expect(records.count == 2)
            // Off by less than the stays of a patient or two.
            #expect(abs(records[0] - 3 * records[1]) <= 12, "\(records)")
        }

        /// What several workers cannot do, in publish's config.
        private static let bad = [
            ("adapter: {rank: 4, alpha: 8, targets: [q_proj, v_proj], mode: shareA}\n", "shareA"),
            ("batch-size: 2\n", "batches of 2 records"),
            ("pace: {mode: buffered, oldest: 2}\nquorum: 3\n", "late updates"),
            ("privacy: {noise: 1, sampling: 0.1}\n", "its noise is counted over the records of one worker"),
        ]

        private func badRun(_ method: String) throws -> FederationRun {
            var plan = plan(method, workers: ["north": [1, 1, 1]])
            if method.hasPrefix("adapter") {
                plan.configs[.publish] = plan.configs[.publish]?.replacingOccurrences(
                    of: "adapter: {rank: 4, alpha: 8, targets: [q_proj, v_proj]}\n", with: "")
            }
            return try FederationRun(plan)
        }

        @Test("What several workers cannot do is refused with the reason, by the cloud that has them", arguments: bad)
        func refusals(method: String, reason: String) async throws {
            let run = try badRun(method)
            try run.startAll()
            let refused = try await run.event("opening_refused", of: run.stage(.encrypt, "north"))
            #expect(refused.line.contains(reason), "\(refused.line)")
            #expect(!run.book.all.contains { $0.name == "opening_refused" && $0.stage.cloud.description != "north" })
        }

        @Test("Where publish's config is at hand `validate` and `plan` tell it before anything runs", arguments: bad)
        func toldBefore(method: String, reason: String) async throws {
            let run = try badRun(method)
            let file = "\(run.root)/topology.yaml"
            let checked = try await run.command(["validate", file])
            #expect(checked.status == 78, "\(checked.output)\(checked.complaint)")
            let words = "\(checked.output)\(checked.complaint)"
            #expect(words.contains("\(run.root)/publish.yaml: no update can be made: "), "\(words)")
            #expect(words.contains(reason) && words.contains("north's"), "\(words)")
            let planned = try await run.command(["plan", file, "--against", file])
            #expect(planned.status == 78 && planned.output.contains(reason), "\(planned.output)\(planned.complaint)")
            // Where it is not, there is nothing to tell it by.
            try FileManager.default.removeItem(atPath: "\(run.root)/publish.yaml")
            let without = try await run.command(["validate", file, "--cloud", "north"])
            #expect(without.status == 0, "\(without.output)\(without.complaint)")
        }

        @Test("`apply` refuses it before any stage is touched, and names the key to change")
        func notApplied() async throws {
            var plan = FederationRun.Plan(suite: .clear, updates: 30, stays: 48, evaluates: false)
            plan.trainer = "none"
            plan.workers = ["north": [1, 1]]
            let run = try FederationRun(plan)
            let file = "\(run.root)/topology.yaml"
            #expect(try await run.command(["validate", file]).status == 0)
            try await run.launch()
            try run.hold("west/local-train")
            let began = try run.launched()
            let path = "\(run.root)/publish.yaml"
            let text = try String(contentsOfFile: path, encoding: .utf8)
            try #require(text.contains("batch-size: 8"))
            try run.write(Array(text.replacing("batch-size: 8", with: "batch-size: 1").utf8), path)
            let applied = try await run.apply(file)
            #expect(applied.status == 78, "\(applied.output)\(applied.complaint)")
            let words = "\(applied.output)\(applied.complaint)"
            #expect(words.contains("raise publish's `batch-size`") && words.contains("north's 2 workers"), "\(words)")
            #expect(try run.launched() == began)
            try run.letGo("west/local-train")
            #expect(try await run.event("exited", of: try run.launcher, within: 300).fields["status"] == "0")
        }
    }
}
