import Adapter
import Federation
import Foundation
import Publication
import Safetensors
import Testing
import Topology

extension PipelineSuite {
    /// What of the adapter is trained and summed, in a run.
    @Suite("Adapter modes")
    struct AdapterModeTests {
        private func run(_ mode: String, updates: Int = 2, limits: String = "", test: Bool = false) throws
            -> FederationRun
        {
            var plan = FederationRun.Plan(suite: .clear, updates: updates, evaluates: test)
            plan.configs[.publish] = """
                base: \(FederationRun.baseModel)
                base-name: tributary-base
                variables: \(FederationRun.repository)/configs/variables.yaml
                rounds: \(updates)
                local-steps: 2
                batch-size: 8
                adapter: {rank: 4, alpha: 8, targets: [q_proj, v_proj], mode: \(mode)}
                bits: 16
                minimum-cohort: 3
                deadline: 5m
                validate-every: 0
                test: \(test)
                threads: 1

                """
            plan.configs[.encrypt] = "threads: 1\nlimits: {minimum-cohort: 3, maximum-share: 0.6\(limits)}\n"
            return try FederationRun(plan)
        }

        private func base() throws -> BaseModelShape {
            try BaseModelShape(
                configJSON: Array(Data(contentsOf: URL(fileURLWithPath: "\(FederationRun.baseModel)/config.json"))))
        }

        private func released(_ run: FederationRun, round: String) throws -> LowRankAdapter {
            try PEFTFolder.read("\(run.releases)/\(round)", base: base())
        }

        private func manifest(_ run: FederationRun) throws -> ReleaseManifest {
            try ReleaseManifest(try run.read("\(run.releases)/latest/manifest.json"))
        }

        private func values(_ run: FederationRun) -> [Int] {
            run.book.all.filter { $0.name == "round_opened" && $0.fields["purpose"] == "update" }
                .compactMap { $0.fields["values"] }.compactMap(Int.init)
        }

        @Test("`alternate` moves B in the first update and A in the second, and sends what it moves alone")
        func alternate() async throws {
            let run = try run("alternate")
            try await run.run()
            let (first, second) = (try released(run, round: "round-0002"), try released(run, round: "round-0003"))
            let begun = try LowRankAdapter(initial: first.configuration, base: base())
            #expect(first.a == begun.a && first.b != begun.b)
            #expect(second.b == first.b && second.a != first.a)
            #expect(values(run) == [first.b.joined().count, first.a.joined().count])
            #expect(try manifest(run).method?.adapter == .alternate)
            #expect(ReleaseVerification.verify("\(run.releases)/latest").isSound)
            let ways = run.book.all.filter { $0.name == "round_opened" }.compactMap { $0.fields["method"] }
            #expect(ways.contains { $0.contains("alternate (B)") } && ways.contains { $0.contains("alternate (A)") })
        }

        @Test("`core` sends a small square for each projection, and is published as an ordinary adapter")
        func core() async throws {
            let run = try run("core")
            try await run.run()
            let adapter = try released(run, round: "latest")
            let configuration = try AdapterConfiguration(
                rank: 4, alpha: 8, targets: [.q, .v], trains: .core, seed: 1, baseModelName: "tributary-base")
            let begun = try LowRankAdapter(initial: configuration, base: base())
            // Two layers, two projections, 4 by 4.
            #expect(values(run) == [64, 64])
            #expect(adapter.a == begun.a && adapter.b.allSatisfy { $0.contains { $0 != 0 } })
            #expect(try manifest(run).method?.adapter == .core)
            let card = String(decoding: try run.read("\(run.releases)/latest/README.md"), as: UTF8.self)
            #expect(card.contains("folded into B"))
            #expect(ReleaseVerification.verify("\(run.releases)/latest").isSound)
        }

        @Test(
            "`shareA` sends A alone, each cloud keeps its own B from update to update, and the release says what it is")
        func shareA() async throws {
            let run = try run("shareA", test: true)
            try await run.run()
            let adapter = try released(run, round: "latest")
            let begun = try LowRankAdapter(initial: adapter.configuration, base: base())
            #expect(adapter.b.allSatisfy { $0.allSatisfy { $0 == 0 } })
            #expect(values(run) == [adapter.a.joined().count, adapter.a.joined().count])
            // With B at 0 the gradient of A is none: A moves from the second step on, B from the first.
            #expect(adapter.a != begun.a)
            let losses = run.plan.clouds.map { cloud in
                run.book.all.filter { $0.name == "adapter_judged" && $0.stage == run.stage(.localTrain, cloud) }
                    .compactMap { $0.fields["received_adapter_loss"] }
            }
            // A cloud's own B goes on: what it begins the second update with is not the base model any more.
            #expect(losses.allSatisfy { $0.count == 2 && $0[0] != $0[1] }, "\(losses)")
            let card = String(decoding: try run.read("\(run.releases)/latest/README.md"), as: UTF8.self)
            #expect(card.contains("A alone was shared, and B here is 0"))
            #expect(try manifest(run).method?.adapter == .shareA)
        }

        @Test("Both factors at once are answered by no cloud that has not agreed to a sum that is not exact")
        func inexact() async throws {
            let refused = try run("inexact")
            try refused.startAll()
            let event = try await refused.event("opening_refused", of: refused.stage(.encrypt, "north"))
            #expect(event.fields["reason"]?.contains("limits.inexact is false") == true)
            let agreed = try run("inexact", updates: 1, limits: ", inexact: true")
            try await agreed.run()
            #expect(try manifest(agreed).method?.adapter == .inexact)
            let card = String(decoding: try agreed.read("\(agreed.releases)/latest/README.md"), as: UTF8.self)
            #expect(card.contains("is not the mean of their adapters"))
        }

        @Test("`full` trains every weight, sends them compressed, and publishes a model that loads as it is")
        func full() async throws {
            var plan = FederationRun.Plan(suite: .clear)
            plan.configs[.publish] = """
                base: \(FederationRun.baseModel)
                base-name: tributary-base
                variables: \(FederationRun.repository)/configs/variables.yaml
                rounds: 2
                local-steps: 2
                batch-size: 8
                learning-rate: 1.0e-3
                adapter: {mode: full}
                compression: {fraction: 0.2}
                bits: 16
                minimum-cohort: 3
                deadline: 5m
                validate-every: 1
                test: true
                threads: 1

                """
            plan.configs[.encrypt] = "threads: 1\nlimits: {minimum-cohort: 3, maximum-share: 0.6, full: true}\n"
            let run = try FederationRun(plan)
            try await run.run()
            let base = try SafetensorsFile(path: "\(FederationRun.baseModel)/model.safetensors")
            let count = base.tensors.values.reduce(0) { $0 + $1.shape.reduce(1, *) }
            let sizes = values(run)
            #expect(sizes.count == 2 && sizes[0] == count)
            #expect(ReleaseVerification.verify("\(run.releases)/latest").isSound)
            let method = try #require(try manifest(run).method)
            #expect(method.adapter == .full && method.compression.map { $0.sent * 4 < $0.values } == true)
            let (first, second) = try (
                SafetensorsFile(path: "\(run.releases)/round-0003/model.safetensors"),
                SafetensorsFile(path: "\(run.releases)/round-0005/model.safetensors")
            )
            // In the first update every weight moved (or its decay moved it), in the second a fifth.
            func moved(_ from: SafetensorsFile, _ to: SafetensorsFile) throws -> Double {
                let changed = try from.tensors.keys.sorted().reduce(0) { sum, name in
                    sum + zip(try from.floats(name), try to.floats(name)).count { $0 != $1 }
                }
                return Double(changed) / Double(count)
            }
            let (all, fifth) = (try moved(base, first), try moved(first, second))
            #expect(all > 0.9 && fifth > 0.1 && fifth < 0.25, "\(all) \(fifth)")
            let card = String(decoding: try run.read("\(run.releases)/latest/README.md"), as: UTF8.self)
            #expect(card.contains("with all of its \(count) weights trained further (`full`)"))
            #expect(card.contains("library_name: transformers") && !card.contains("lora") && !card.contains("peft"))
            // Evaluated before, between and after: training moved the loss.
            let losses = run.book.all.filter { $0.name == "round_released" }.compactMap { $0.fields["log_loss"] }
            #expect(Set(losses).count > 1)
        }

        @Test("`full` is answered by no cloud that has not agreed, and of no larger model than publish's config allows")
        func fullRefused() async throws {
            let refused = try run("full")
            let file = "\(refused.root)/publish.yaml"
            let config = try String(contentsOfFile: file, encoding: .utf8)
                .replacing("rank: 4, alpha: 8, targets: [q_proj, v_proj], ", with: "")
            try refused.write(Array(config.utf8), file)
            try refused.startAll()
            let event = try await refused.event("opening_refused", of: refused.stage(.encrypt, "north"))
            #expect(event.fields["reason"]?.contains("limits.full is false") == true)

            let large = try run("full, maximum-weights: 1000")
            try large.write(
                Array(config.replacing("mode: full", with: "mode: full, maximum-weights: 1000").utf8),
                "\(large.root)/publish.yaml")
            let publish = large.topology.publish
            try large.start(publish)
            let end = await large.book.first(within: 120) { $0.name == "exited" && $0.stage == publish }
            #expect(end?.fields["status"] == "78")
            #expect(
                large.book.all.contains { $0.stage == publish && $0.line.contains("adapter.maximum-weights is 1000") })
        }

        @Test("A run's mode stays what it is: publish says so, and ends")
        func fixed() async throws {
            let run = try run("core", updates: 3)
            try run.startAll()
            _ = try await run.event("round_released", of: run.topology.publish, round: 2)
            let publish = run.topology.publish
            run.signal(SIGTERM, to: publish)
            _ = try await run.event("exited", of: publish) { $0.fields["status"] == "0" }
            let file = "\(run.root)/publish.yaml"
            let config = try String(contentsOfFile: file, encoding: .utf8)
            try run.write(Array(config.replacing("mode: core", with: "mode: shareA").utf8), file)
            try run.start(publish)
            let end = await run.book.first(within: 120) {
                $0.name == "exited" && $0.stage == publish && $0.fields["status"] != "0"
            }
            #expect(end?.fields["status"] == "78")
            #expect(run.book.all.contains { $0.stage == publish && $0.line.contains("in the middle of the run") })
        }
    }
}
