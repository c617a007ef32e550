import Federation
import Foundation
import Publication
import Testing
import Topology

extension PipelineSuite {
    /// What publish.yaml says of updates is changed in a running federation, and holds from the next opening on. Noise, budgets, pace and
    /// planner are also changed in their own suites.
    @Suite("Ways of making an update, changed by `apply`")
    struct ModeChangeTests {
        struct Change: CustomTestStringConvertible, Sendable {
            /// Lines of publish.yaml from the beginning, and those that take their place.
            var before = ""
            let after: String
            /// Other texts in the place of the plan's own, from the beginning.
            var base: [String: String] = [:]
            /// What is said from then on, or until then.
            let said: String
            var isSaidBefore = false
            /// Where it is said; the first so many times it is not said yet.
            var event = "round_opened"
            var field = "method"
            var skips = 0
            /// Whether the last release's manifest says so.
            let isIn: @Sendable (ReleaseManifest) -> Bool

            var testDescription: String {
                "\(before.isEmpty ? "" : "\(before) -> ")\(after.isEmpty ? "nothing" : after)"
            }
        }

        private static let losses = ["validate-every: 0": "validate-every: 8"]
        private static let two = ["minimum-cohort: 3": "minimum-cohort: 2"]
        private static let noisy = ["batch-size: 8\n": ""]

        static let changes = [
            Change(after: "outer: {optimizer: adam, rate: 0.02}", said: "adam, rate 0.02") {
                $0.method?.outer.name == .adam && $0.method?.outer.rate == 0.02
            },
            Change(after: "outer: {optimizer: nesterov}", said: "nesterov, rate 0.7, momentum 0.9") {
                $0.method?.outer == .nesterov(rate: 0.7, momentum: 0.9)
            },
            Change(after: "weights: {mode: uniform}", said: "weights uniform") { $0.method?.weights == .uniform },
            Change(after: "weights: {mode: quality}", said: "weights quality") { $0.method?.weights == .quality },
            Change(after: "weights: {mode: qffl}", base: losses, said: "weights qffl") { $0.method?.weights == .qffl },
            Change(after: "weights: {mode: reciprocal}", base: losses, said: "weights reciprocal") {
                $0.method?.weights == .reciprocal
            },
            Change(after: "weights: {mode: literal}", base: losses, said: "weights literal") {
                $0.method?.weights == .literal
            },
            Change(after: "proximal: 0.01", said: "proximal 0.01") { $0.method?.proximal == 0.01 },
            Change(after: "local-optimizer: sgd", said: "sgd steps") { $0.method?.localOptimizer == .sgd },
            Change(
                before: "quorum: 2", after: "quorum: 2\npace: {mode: grace, grace: 1s}", base: two, said: "grace 1.0 s"
            ) { $0.method?.pace?.mode == .grace },
            Change(
                before: "quorum: 2\npace: {mode: buffered}", after: "quorum: 2", base: two, said: "buffered",
                isSaidBefore: true
            ) { $0.method != nil && $0.method?.pace == nil },
            // Of the first update nothing is known that could be planned by.
            Change(before: "planner: {most-steps: 12}", after: "", said: "balanced", isSaidBefore: true, skips: 1) {
                $0.method?.pacing == .even
            },
            Change(after: "compression: {fraction: 0.1}", said: "error feedback") {
                $0.method?.compression?.fraction == 0.1
            },
            Change(
                before: "compression: {fraction: 0.1}", after: "", said: "error feedback", isSaidBefore: true
            ) { $0.method != nil && $0.method?.compression == nil },
            Change(
                before: "compression: {fraction: 0.1}",
                after: "compression: {fraction: 0.3, error-feedback: 0.5, scales: fixed}", said: "error feedback 0.5"
            ) { $0.method?.compression?.fraction == 0.3 && $0.method?.compression?.feedback == 0.5 },
            Change(
                before: "bits: 24\nclip-norm: 0.05", after: "bits: 24\nclip-norm: 0.05\nprivacy: {sum-noise: 2}",
                said: "noise 2.0 in the sum"
            ) { $0.privacy.noise?.sums?.noise == 2 && $0.privacy.noise?.sums?.epsilon == nil },
            Change(
                before: "privacy: {noise: 1, sampling: 0.01}", after: "privacy: {noise: 1, sampling: 0.01, clip: 0.25}",
                base: noisy, said: "clip 0.25"
            ) { $0.privacy.noise?.training?.clip == 0.25 },
            Change(after: "clip-norm: 0.5", said: "0.5", event: "round_trained", field: "clip_norm") {
                $0.privacy.clipNorm == 0.5
            },
        ]

        private func config(_ run: FederationRun) throws -> String {
            try String(contentsOfFile: "\(run.root)/publish.yaml", encoding: .utf8)
        }

        @Test("It changes once, and the round that is open ends as it was opened", arguments: changes)
        func change(_ change: Change) async throws {
            let updates = 16
            var plan = FederationRun.Plan(suite: .clear, updates: updates, stays: 12, evaluates: false)
            plan.trainer = "none"
            plan.configs[.encrypt] =
                "threads: 1\nlimits: {minimum-cohort: 2, maximum-share: 0.99, weights: [fedavg, uniform, quality, qffl, reciprocal, literal]}\n"
            let run = try FederationRun(plan)
            var text = try config(run)
            for (part, other) in change.base {
                try #require(text.contains(part), "\(text)")
                text = text.replacing(part, with: other)
            }
            try run.write(Array("\(text)\n\(change.before)\n".utf8), "\(run.root)/publish.yaml")
            try await run.launch()
            let publish = run.topology.publish
            _ = try await run.logged("round_released", by: publish) { ($0.round ?? 0) >= 4 }
            // With two of three no quorum can close a round.
            for stage in ["west/local-train", "east/local-train"] { try run.hold(stage) }
            try run.write(Array("\(text)\n\(change.after)\n".utf8), "\(run.root)/publish.yaml")
            let applied = try await run.apply("\(run.root)/topology.yaml")
            #expect(applied.status == 0, "\(applied.output)\(applied.complaint)")
            for stage in ["west/local-train", "east/local-train"] { try run.letGo(stage) }
            #expect(try await run.event("exited", of: try run.launcher, within: 300).fields["status"] == "0")
            let log = try run.log(of: publish)
            let teller = change.event == "round_opened" ? log : try run.log(of: run.stage(.localTrain, "north"))
            let ways = teller.filter {
                $0.name == change.event && ($0.name != "round_opened" || $0.fields["purpose"] == "update")
            }.map { $0.fields[change.field]?.contains(change.said) == true }
            // In one of them none may have been wanted of it under a pace.
            #expect(ways.count == updates || change.event != "round_opened")
            let told = ways.dropFirst(change.skips)
            #expect(told.first == change.isSaidBefore && told.last == !change.isSaidBefore, "\(ways)")
            #expect(Array(told) == told.sorted { $0 == change.isSaidBefore && $1 != change.isSaidBefore }, "\(ways)")
            #expect(!log.contains { $0.name == "round_abandoned" })
            let manifest = try ReleaseManifest(try run.read("\(run.releases)/latest/manifest.json"))
            #expect(change.isIn(manifest), "\(String(describing: manifest.method))")
            #expect(ReleaseVerification.verify("\(run.releases)/latest").isSound)
        }

        /// Rounds that train, the second of which stands open while publish's config is changed.
        private static var trained: FederationRun.Plan {
            FederationRun.Plan(suite: .clear, updates: 4, stays: 48, evaluates: false)
        }

        private static let untouched = Task {
            let run = try FederationRun(trained)
            try await run.run()
            return run
        }

        @Test(
            "The adapter is bit for bit that of a run whose publish had the mode from that round on",
            arguments: [
                "outer: {optimizer: nesterov}", "weights: {mode: uniform}\nproximal: 0.5",
                "compression: {fraction: 0.2}",
            ])
        func trained(lines: String) async throws {
            let untouched = try await Self.untouched.value
            let run = try FederationRun(Self.trained, keys: untouched)
            let changed = try config(run) + "\n\(lines)\n"
            try await run.launch()
            try run.hold("west/local-train")
            try await ApplyTests.waitForWestAlone(run, others: ["north", "east"])
            try run.write(Array(changed.utf8), "\(run.root)/publish.yaml")
            let applied = try await run.apply("\(run.root)/topology.yaml")
            #expect(applied.status == 0, "\(applied.output)\(applied.complaint)")
            let opened = try run.log(of: run.topology.publish).filter { $0.name == "round_opened" }
            let open = try #require(opened.last?.round)
            try #require(open >= 2 && open < 5, "nothing is left to change")
            try run.letGo("west/local-train")
            #expect(try await run.event("exited", of: try run.launcher, within: 300).fields["status"] == "0")

            // The same without `apply`: publish is killed in that round, and started again with the other file.
            let other = try FederationRun(Self.trained, keys: untouched)
            let west = other.stage(.localTrain, "west")
            other.pause(west, at: "training_started", round: open)
            try other.startAll()
            _ = try await other.event("training_started", of: west, round: open)
            try other.write(Array(changed.utf8), "\(other.root)/publish.yaml")
            try await other.killAndRestart(other.topology.publish)
            other.resume(west)
            let statuses = try await other.finish()
            #expect(statuses.values.allSatisfy { $0 == 0 }, "\(statuses)")
            let ways = other.book.all.filter { $0.name == "round_opened" && $0.fields["purpose"] == "update" }
            #expect(ways.count == 4)
            #expect(try run.adapter() == other.adapter())
            #expect(try run.adapter() != untouched.adapter())
        }

        @Test("How a cloud's records are parted changes in a running federation, and its shards move")
        func partition() async throws {
            var plan = FederationRun.Plan(suite: .clear, updates: 16, stays: 80, evaluates: false)
            plan.trainer = "none"
            plan.workers = ["west": [3, 1]]
            let run = try FederationRun(plan)
            try await run.launch()
            let publish = run.topology.publish
            _ = try await run.logged("round_released", by: publish) { ($0.round ?? 0) >= 3 }
            try run.hold("north/local-train")
            let text = try run.topologyText()
            try #require(text.contains("partition: {mode: fixed}"))
            let file = try run.writeTopology(
                text.replacing("partition: {mode: fixed}", with: "partition: {mode: proportional}"), "parted.yaml")
            let applied = try await run.apply(file)
            #expect(applied.status == 0, "\(applied.output)\(applied.complaint)")
            _ = try await run.logged("partition_changed", by: run.stage(.ingest, "west")) {
                let records = ($0.fields["parts"] ?? "").split { !$0.isNumber }.compactMap { Int($0) }.filter { $0 > 2 }
                return records.count == 2 && abs(records[0] - 3 * records[1]) <= 12
            }
            try run.letGo("north/local-train")
            #expect(try await run.event("exited", of: try run.launcher, within: 300).fields["status"] == "0")
            let log = try run.log(of: publish)
            #expect(log.count { $0.name == "round_released" && $0.fields["purpose"] == "update" } == 16)
            #expect(!log.contains { $0.name == "round_abandoned" })
        }

        /// What cannot be changed within a run, and why.
        struct Exception: CustomTestStringConvertible, Sendable {
            let name: String
            let base: [String: String]
            let before: String
            let after: String
            let reason: String
            var testDescription: String { name }
        }

        private static let selective = "clip-norm: 1\nencryption: {formula: selective, fraction: 0.5, noise: 0.2}"

        static let exceptions = [
            Exception(
                name: "adapter.mode", base: ["targets: [q_proj, v_proj]}": "targets: [q_proj, v_proj], mode: freezeA}"],
                before: "", after: "mode: core",
                reason: "`adapter`, `base` or `seed` has been changed in the middle of the run"),
            Exception(
                name: "full to selective", base: [:], before: "clip-norm: 1", after: selective,
                reason: "`encryption` has been changed to `formula: selective` in the middle of the run"),
            Exception(
                name: "selective to full", base: [:], before: selective, after: "clip-norm: 1",
                reason: "`encryption` has been changed from `formula: selective` in the middle of the run"),
        ]

        @Test(
            "What a run is laid out by is refused by `apply` before publish is touched, and the run goes on",
            arguments: exceptions)
        func impossible(_ exception: Exception) async throws {
            var plan = FederationRun.Plan(suite: .paillier, updates: 8, stays: 12, evaluates: false)
            plan.trainer = "none"
            plan.keys = .publisher
            plan.configs[.encrypt] =
                "threads: 1\nlimits: {minimum-cohort: 3, maximum-share: 0.99, minimum-fraction: 0.3, minimum-noise: 0.1}\n"
            let run = try FederationRun(plan)
            var text = try config(run)
            for (part, other) in exception.base {
                try #require(text.contains(part), "\(text)")
                text = text.replacing(part, with: other)
            }
            try run.write(Array("\(text)\n\(exception.before)\n".utf8), "\(run.root)/publish.yaml")
            try await run.launch()
            let publish = run.topology.publish
            _ = try await run.logged("round_released", by: publish) { $0.fields["purpose"] == "update" }
            try run.hold("west/local-train")
            let began = try run.launched()
            let changed =
                exception.after.hasPrefix("mode: ")
                ? text.replacing("mode: freezeA", with: exception.after) : "\(text)\n\(exception.after)\n"
            try run.write(Array(changed.utf8), "\(run.root)/publish.yaml")
            let applied = try await run.apply("\(run.root)/topology.yaml")
            #expect(applied.status != 0)
            #expect(
                "\(applied.output)\(applied.complaint)".contains(exception.reason),
                "\(applied.output)\(applied.complaint)")
            #expect(try run.launched() == began)
            try run.letGo("west/local-train")
            #expect(try await run.event("exited", of: try run.launcher, within: 300).fields["status"] == "0")
            let log = try run.log(of: publish)
            #expect(log.count { $0.name == "round_released" && $0.fields["purpose"] == "update" } == 8)
            #expect(log.filter { $0.name == "stage_started" }.map { $0.fields["epoch"] } == ["1"])
        }
    }
}
