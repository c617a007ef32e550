import Federation
import Foundation
import Publication
import Testing
import Topology

extension PipelineSuite {
    /// Rounds that ask of each cloud what it has time for.
    @Suite("Planner")
    struct PlannerTests {
        private func plan(_ planner: String, limits: String = "", rounds: Int = 4) -> FederationRun.Plan {
            var plan = FederationRun.Plan(suite: .clear, updates: rounds, stays: 48, evaluates: false)
            plan.configs[.publish] = """
                base: \(FederationRun.baseModel)
                base-name: tributary-base
                variables: \(FederationRun.repository)/configs/variables.yaml
                rounds: \(rounds)
                local-steps: 8
                batch-size: 8
                adapter: {rank: 4, alpha: 8, targets: [q_proj, v_proj]}
                minimum-cohort: 3
                deadline: 5m
                validate-every: 0
                test: false
                threads: 1
                \(planner)

                """
            plan.configs[.encrypt] = "threads: 1\nlimits: {minimum-cohort: 3, maximum-share: 0.99\(limits)}\n"
            return plan
        }

        /// `north 8` as the event has it.
        private func steps(_ event: StageEvent) throws -> [String: Int] {
            struct Line: Decodable { let paces: [String] }
            let told = try JSONDecoder().decode(Line.self, from: Data(event.line.utf8)).paces
            return try Dictionary(
                uniqueKeysWithValues: told.map { pair in
                    let words = pair.split(separator: " ")
                    return (String(words[0]), try #require(words.last.flatMap { Int($0) }))
                })
        }

        private struct Manifest: Decodable {
            struct Method: Decodable {
                let pacing: String
                let local_steps_by_cloud: [String: Int]
            }
            let method: Method
        }

        private func method(_ run: FederationRun) throws -> Manifest.Method {
            let data = try Data(contentsOf: URL(filePath: "\(run.releases)/latest/manifest.json"))
            return try JSONDecoder().decode(Manifest.self, from: data).method
        }

        @Test(
            "A cloud that runs a quarter of the time does fewer steps, and the others more; what was expected is compared with what came"
        )
        func balanced() async throws {
            let run = try FederationRun(plan("planner: {}"))
            try run.startAll()
            let north = run.stage(.localTrain, "north")
            // Once the engine is there: what it takes to load it is no training.
            _ = try await run.event("training_started", of: north)
            let brake = run.slowDown(north)
            _ = try await run.finish()
            brake.cancel()
            await brake.value
            let events = run.book.all
            let planned = events.filter { $0.name == "round_planned" }
            // Of the first nothing was known.
            #expect(planned.count == 3)
            #expect(events.count { $0.name == "plan_compared" } == 3)
            let last = try steps(try #require(planned.last))
            #expect(last.keys.sorted() == ["east", "north", "west"])
            let most = try #require(last.values.max())
            #expect(try #require(last["north"]) < most, "\(last)")
            #expect(most > 8 && most <= 32)
            let told = try method(run)
            #expect(told.pacing == "balanced" && told.local_steps_by_cloud == last)
            // What was asked is what was done.
            let round = try #require(planned.last?.round)
            for (cloud, steps) in last {
                let started = events.first {
                    $0.name == "training_started" && $0.round == round && $0.stage.cloud.description == cloud
                }
                #expect(started?.fields["steps"] == "\(steps)")
            }
            let opened = events.last { $0.name == "round_opened" && $0.fields["purpose"] == "update" }
            #expect(opened?.fields["method"]?.contains("steps, balanced") == true)
        }

        /// What a cloud sends where nothing is trained: the trainer's numbers, written anew.
        private func delta(_ cloud: String, _ round: Int, range: Double, count: Int) -> [Double] {
            var state = cloud.utf8.reduce(14_695_981_039_346_656_037 as UInt64) {
                ($0 ^ UInt64($1)) &* 1_099_511_628_211
            }
            state = state &+ UInt64(round) &* 0x9e37_79b9_7f4a_7c15
            return (0..<count).map { _ in
                state ^= state << 13
                state ^= state >> 7
                state ^= state << 17
                return range * (Double(state >> 40) / Double(1 << 23) - 1)
            }
        }

        @Test(
            "Where clouds do unequal steps the release is FedNova's mean by hand, and not the plain one",
            arguments: [Suite.clear, .paillier])
        func normalised(suite: Suite) async throws {
            let (rounds, values, range, even) = (10, 64, 0.1, 8)
            var plan = FederationRun.Plan(suite: suite, updates: rounds, stays: 12, evaluates: false)
            plan.trainer = "none"
            plan.keys = suite == .paillier ? .publisher : nil
            // Who tells nothing of its training counts as one that does nothing else: it is the whole time until it came.
            plan.configs[.encrypt] =
                "threads: 1\nlimits: {minimum-cohort: 3, maximum-share: 0.99, tells-time: false}\n"
            plan.configs[.publish] = """
                values: \(values)
                rounds: \(rounds)
                local-steps: \(even)
                range: \(range)
                bits: 16
                minimum-cohort: 3
                deadline: 10m
                validate-every: 0
                test: false
                threads: 1
                planner: {least-steps: 2, most-steps: 32}

                """
            let run = try FederationRun(plan)
            let west = run.stage(.localTrain, "west")
            let brake = run.slowDown(west)
            try run.startAll()
            _ = try await run.finish()
            brake.cancel()
            await brake.value
            let planned = try Dictionary(
                uniqueKeysWithValues: run.book.all.filter { $0.name == "round_planned" }.map {
                    (try #require($0.round), try steps($0))
                })
            let released = run.book.all.filter { $0.name == "round_released" }.compactMap(\.round).sorted()
            try #require(released.count == rounds && planned.count >= rounds - 1, "\(planned)")
            try #require(planned.values.contains { Set($0.values).count > 1 }, "all clouds did the same: \(planned)")

            var (normalised, plain) = ([Double](repeating: 0, count: values), [Double](repeating: 0, count: values))
            for round in released {
                let steps = planned[round] ?? ["north": even, "west": even, "east": even]
                // The opening's range is as much smaller as the fewest steps are fewer than the config's.
                let least = try #require(steps.values.min())
                let reach = planned[round] == nil ? range : range * Double(least) / Double(even)
                for (cloud, count) in steps {
                    for (index, value) in delta(cloud, round, range: reach, count: values).enumerated() {
                        // p_i * H / H_i * delta_i, with p_i a third.
                        normalised[index] += value * Double(even) / Double(count) / 3
                        plain[index] += value / 3
                    }
                }
            }
            let last = try #require(released.last)
            let path = "\(run.topology.stateFolder(of: run.topology.publish))/adapter-\(last).f32"
            let made = try run.read(path).withUnsafeBytes { bytes in
                (0..<values).map { Double(bytes.loadUnaligned(fromByteOffset: $0 * 4, as: Float.self)) }
            }
            func distance(_ other: [Double]) -> Double { zip(made, other).map { ($0 - $1).magnitude }.max() ?? 0 }
            // A step of the quantiser a round, whatever the range: what is folded is divided by as much.
            let step = range / 32_767
            #expect(distance(normalised) < Double(rounds) * step * 1.01, "\(planned)")
            #expect(distance(plain) > 100 * step, "\(planned)")
        }

        @Test("Without a planner each cloud does the same, and the release says so")
        func even() async throws {
            let run = try FederationRun(plan("", rounds: 2))
            try await run.run()
            #expect(!run.book.all.contains { $0.name == "round_planned" })
            let told = try method(run)
            #expect(told.pacing == "even" && told.local_steps_by_cloud.isEmpty)
        }

        @Test(
            "A cloud lets no more be asked than its own config allows, nor paces that lie further apart",
            arguments: [("local-steps: 8", "limits.local-steps is 8"), ("pace-ratio: 1", "limits.pace-ratio, 1.0")])
        func limited(limit: String, reason: String) async throws {
            let run = try FederationRun(plan("planner: {}", limits: ", \(limit)"))
            try run.startAll()
            let north = run.stage(.localTrain, "north")
            _ = try await run.event("training_started", of: north)
            let brake = run.slowDown(north)
            let refused = try await run.event("opening_refused")
            brake.cancel()
            await brake.value
            #expect(refused.stage.kind == .encrypt)
            #expect(refused.fields["reason"]?.contains(reason) == true, "\(refused.line)")
        }

        @Test("A running federation is given a planner between two rounds, and goes on with it")
        func applied() async throws {
            var quick = FederationRun.Plan(updates: 20, stays: 12, evaluates: false)
            quick.trainer = "none"
            quick.keys = .publisher
            let run = try FederationRun(quick)
            try await run.launch()
            try run.hold("west/local-train")
            let path = "\(run.root)/publish.yaml"
            let text = try String(contentsOfFile: path, encoding: .utf8)
            try run.write(Array((text + "\nplanner: {most-steps: 20}\n").utf8), path)
            let applied = try await run.apply("\(run.root)/topology.yaml")
            #expect(applied.status == 0, "\(applied.output)\(applied.complaint)")
            try run.letGo("west/local-train")
            let end = try await run.event("exited", of: try run.launcher)
            #expect(end.fields["status"] == "0")
            let publish = try run.log(of: run.topology.publish)
            let rounds = publish.filter { $0.name == "round_opened" && $0.fields["purpose"] == "update" }
            let planned = publish.filter { $0.name == "round_planned" }
            #expect(!planned.isEmpty && planned.count < rounds.count)
            #expect(rounds.last?.round == planned.last?.round)
        }
    }
}
