import Federation
import Foundation
import Publication
import Testing
import Topology

extension PipelineSuite {
    /// Rounds that do not wait for the slowest cloud, whose update counts later.
    @Suite("Pace")
    struct PaceTests {
        private static let values = 64

        private func plan(_ suite: Suite, rounds: Int, _ more: String) -> FederationRun.Plan {
            var plan = FederationRun.Plan(suite: suite, updates: rounds, stays: 12, evaluates: false)
            plan.trainer = "none"
            plan.keys = suite == .paillier ? .publisher : nil
            plan.configs[.encrypt] = "threads: 1\nlimits: {minimum-cohort: 2, maximum-share: 0.99}\n"
            plan.configs[.publish] = """
                values: \(Self.values)
                rounds: \(rounds)
                range: 0.1
                bits: 16
                quorum: 2
                minimum-cohort: 2
                deadline: 10m
                validate-every: 0
                test: false
                threads: 1
                \(more)

                """
            return plan
        }

        private struct Released: Decodable {
            let cohort: [String]
            let bases: [String]?

            /// Who is in the sum, and of which round.
            func parts(of round: Int) -> [(cloud: String, base: Int)] {
                let late = (bases ?? []).map { $0.split(separator: " ") }
                return cohort.map { cloud in
                    (cloud, late.first { $0.first == cloud[...] }?.last.flatMap { Int($0) } ?? round)
                }
            }
        }

        private func released(_ run: FederationRun) throws -> [(round: Int, parts: [(cloud: String, base: Int)])] {
            try run.book.all.filter { $0.name == "round_released" }.map { event in
                let round = try #require(event.round)
                let told = try JSONDecoder().decode(Released.self, from: Data(event.line.utf8))
                return (round, told.parts(of: round))
            }
        }

        /// What a cloud sends where nothing is trained: the trainer's numbers, written anew.
        private func delta(_ cloud: String, _ round: Int) -> [Double] {
            var state = cloud.utf8.reduce(14_695_981_039_346_656_037 as UInt64) {
                ($0 ^ UInt64($1)) &* 1_099_511_628_211
            }
            state = state &+ UInt64(round) &* 0x9e37_79b9_7f4a_7c15
            return (0..<Self.values).map { _ in
                state ^= state << 13
                state ^= state >> 7
                state ^= state << 17
                return 0.1 * (Double(state >> 40) / Double(1 << 23) - 1)
            }
        }

        /// The adapter that the releases make: each part for 1 / sqrt(1 + s) of a cloud's weight, all weights being 1, over as many
        /// as are in the sum.
        private func adapter(
            _ releases: [(round: Int, parts: [(cloud: String, base: Int)])], discounting: Bool = true
        ) -> [Double] {
            var adapter = [Double](repeating: 0, count: Self.values)
            for (round, parts) in releases {
                for part in parts {
                    let since = releases.count { $0.round >= part.base && $0.round < round }
                    let factor = discounting ? 1 / (1 + Double(since)).squareRoot() : 1
                    for (index, value) in delta(part.cloud, part.base).enumerated() {
                        adapter[index] += factor * value / Double(parts.count)
                    }
                }
            }
            return adapter
        }

        private func distance(_ one: [Double], _ other: [Double]) -> Double {
            zip(one, other).map { ($0 - $1).magnitude }.max() ?? 0
        }

        @Test(
            "A cloud that comes too late is not waited for; its update counts in a later round, for less, and once",
            arguments: [Suite.clear, .paillier])
        func late(suite: Suite) async throws {
            let rounds = 8
            let run = try FederationRun(plan(suite, rounds: rounds, "pace: {mode: buffered, oldest: 16}"))
            let (west, east) = (run.stage(.encrypt, "west"), run.stage(.encrypt, "east"))
            for stage in run.stages.sorted(by: { $0.kind > $1.kind }) where stage != west { try run.start(stage) }
            // Two clouds make rounds, and west has handed its first update to nobody.
            _ = try await run.event("round_released", of: run.topology.publish, round: 2)
            run.pause(east)
            // No round closes any more but the open one, if east is in it already; then only west can make a quorum.
            try run.start(west)
            let counted = try await run.event("round_released", of: run.topology.publish) {
                $0.line.contains("\"bases\":[\"west 1\"]")
            }
            run.resume(east)
            let statuses = try await run.finish()
            #expect(statuses.values.allSatisfy { $0 == 0 }, "\(statuses)")

            let releases = try released(run)
            #expect(releases.count == rounds)
            #expect(releases.prefix(2).allSatisfy { !$0.parts.contains { $0.cloud == "west" } })
            let all = releases.flatMap { $0.parts.map { "\($0.cloud) \($0.base)" } }
            #expect(Set(all).count == all.count, "an update counts twice: \(all)")
            #expect(all.contains("west 1") && !run.book.all.contains { $0.name == "update_dropped" })
            let offered = run.book.all.filter {
                $0.name == "update_offered" && $0.round == counted.round && $0.stage.cloud.description == "west"
            }
            let staleness = try #require(offered.first?.fields["staleness"].flatMap { Int($0) })
            #expect(staleness == (counted.round ?? 0) - 1 && staleness >= 2)

            // The adapter is that of a sum by hand, each value within the steps of rounding.
            let last = try #require(releases.last?.round)
            let path = "\(run.topology.stateFolder(of: run.topology.publish))/adapter-\(last).f32"
            let made = try run.read(path).withUnsafeBytes { bytes in
                (0..<Self.values).map { Double(bytes.loadUnaligned(fromByteOffset: $0 * 4, as: Float.self)) }
            }
            let step = 0.1 / 32_767
            #expect(distance(made, adapter(releases)) < Double(rounds) * step * 1.01)
            // Without the discount it would be another.
            #expect(distance(made, adapter(releases, discounting: false)) > 100 * step)
        }

        @Test("With a window the round waits for the late one, though it has its quorum")
        func window() async throws {
            let run = try FederationRun(plan(.clear, rounds: 2, "pace: {mode: grace, grace: 9m}"))
            let west = run.stage(.encrypt, "west")
            for stage in run.stages.sorted(by: { $0.kind > $1.kind }) where stage != west { try run.start(stage) }
            let aggregate = run.topology.aggregate
            for cloud in ["north", "east"] {
                _ = try await run.event("contribution_counted", of: aggregate) { $0.fields["from"] == cloud }
            }
            try run.start(west)
            _ = try await run.finish()
            let releases = try released(run)
            #expect(releases.map { $0.parts.count } == [3, 3])
            #expect(releases.allSatisfy { part in part.parts.allSatisfy { $0.base == part.round } })
        }

        @Test("The release of trained values tells the pace and whose update was late, and it is sound")
        func trained() async throws {
            var plan = plan(.clear, rounds: 4, "")
            plan.trainer = "lora"
            plan.stays = 48
            plan.configs[.publish] = """
                base: \(FederationRun.baseModel)
                base-name: tributary-base
                variables: \(FederationRun.repository)/configs/variables.yaml
                rounds: 4
                local-steps: 2
                batch-size: 8
                adapter: {rank: 4, alpha: 8, targets: [q_proj, v_proj]}
                quorum: 2
                minimum-cohort: 2
                deadline: 10m
                validate-every: 0
                test: false
                threads: 1
                pace: {mode: buffered, oldest: 3, discount: 1}

                """
            let run = try FederationRun(plan)
            // Statistics want all clouds. Then west stands still before it hands its update over, until another round is open.
            let (west, east) = (run.stage(.encrypt, "west"), run.stage(.encrypt, "east"))
            run.pause(west, at: "round_joined", round: 2)
            try run.startAll()
            _ = try await run.event("round_released", of: run.topology.publish, round: 2)
            run.pause(east)
            run.resume(west)
            _ = try await run.event("contribution_counted", of: run.topology.aggregate) {
                $0.fields["from"] == "west" && ($0.round ?? 0) > 2
            }
            run.resume(east)
            let statuses = try await run.finish()
            #expect(statuses.values.allSatisfy { $0 == 0 }, "\(statuses)")
            let manifest = try ReleaseManifest(try run.read("\(run.releases)/latest/manifest.json"))
            #expect(manifest.method?.pace == .init(mode: .buffered, grace: 0, oldest: 3, discount: 1))
            let late = try released(run).flatMap { round in round.parts.filter { $0.base != round.round } }
            let list = String(decoding: try run.read("\(run.releases)/rounds.jsonl"), as: UTF8.self)
            for part in late { #expect(list.contains("\"base\":\(part.base)")) }
            let card = String(decoding: try run.read("\(run.releases)/latest/README.md"), as: UTF8.self)
            #expect(card.contains("The round closed with its quorum (`buffered`)"))
            let opened = run.book.all.last { $0.name == "round_opened" && $0.fields["purpose"] == "update" }
            #expect(opened?.fields["method"]?.contains("buffered, late updates of 3 rounds") == true)
            #expect(ReleaseVerification.verify("\(run.releases)/latest").isSound)
        }

        @Test("A cloud that wants no late updates, or none so late, answers no such opening, and says why")
        func limited() async throws {
            for (limit, reason) in [("0", "limits.stalest is 0"), ("3", "4 releases late")] {
                var plan = plan(.clear, rounds: 1, "pace: {mode: buffered}")
                plan.configs[.encrypt] =
                    "limits: {minimum-cohort: 2, maximum-share: 0.99, stalest: \(limit)}\n"
                let run = try FederationRun(plan)
                try run.startAll()
                let refused = try await run.event("opening_refused", of: run.stage(.encrypt, "north"))
                #expect(refused.fields["reason"]?.contains(reason) == true, "\(refused.line)")
            }
            var plan = plan(.clear, rounds: 1, "pace: {mode: buffered}")
            plan.configs[.encrypt] = "limits: {minimum-cohort: 2, maximum-share: 0.99, stalest: 4}\n"
            try await FederationRun(plan).run()
        }

        @Test("`apply` gives a running federation another pace, from the next update on")
        func applied() async throws {
            let run = try FederationRun(plan(.paillier, rounds: 30, ""))
            try await run.launch()
            // A synchronous round that waits for west.
            try run.hold("west/local-train")
            let path = "\(run.root)/publish.yaml"
            let text = try String(contentsOfFile: path, encoding: .utf8)
            try run.write(Array((text + "pace: {mode: buffered}\n").utf8), path)
            let applied = try await run.apply("\(run.root)/topology.yaml")
            #expect(applied.status == 0, "\(applied.output)\(applied.complaint)")
            try run.letGo("west/local-train")
            let end = try await run.event("exited", of: try run.launcher)
            #expect(end.fields["status"] == "0")
            let methods = try run.log(of: run.topology.publish).filter { $0.name == "round_opened" }
                .compactMap { $0.fields["method"] }
            let first = try #require(methods.firstIndex { $0.contains("buffered") })
            #expect(first > 0 && methods[first...].allSatisfy { $0.contains("buffered") })
            #expect(!methods[..<first].contains { $0.contains("buffered") })
        }

        @Test("Under masks it is refused with the reason, before a stage starts")
        func masked() async throws {
            // Masks want more clouds than two of three: this is not what it is refused for.
            var plan = self.plan(.secagg, rounds: 1, "pace: {mode: buffered}")
            plan.configs[.publish] = plan.configs[.publish]?.replacing("quorum: 2", with: "quorum: 3")
            let run = try FederationRun(plan)
            let publish = run.topology.publish
            try run.start(publish)
            let end = try await run.event("exited", of: publish) { _ in true }
            #expect(end.fields["status"] != "0")
            #expect(
                run.book.all.contains { $0.line.contains("masks are agreed on by the clouds that answer together") },
                "\(run.book.all.map(\.line))")
        }
    }
}
