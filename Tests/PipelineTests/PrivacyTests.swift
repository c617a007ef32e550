import Federation
import Foundation
import Privacy
import Publication
import Safetensors
import Sodium
import Testing
import Topology

extension PipelineSuite {
    /// DP-SGD in the clouds' steps, noise in their sum, and the budgets of publish and of a cloud, in runs.
    @Suite("Differential privacy")
    struct PrivacyTests {
        private func run(
            _ privacy: String, suite: Suite = .clear, limits: String = "", updates: Int = 2, more: String = ""
        ) throws -> FederationRun {
            var plan = FederationRun.Plan(suite: suite, updates: updates, stays: 48, evaluates: false)
            plan.configs[.publish] = Self.config(privacy, updates: updates, more: more)
            plan.configs[.encrypt] = "threads: 1\nlimits: {minimum-cohort: 3, maximum-share: 0.99\(limits)}\n"
            return try FederationRun(plan)
        }

        private static func config(_ privacy: String, updates: Int, more: String = "") -> String {
            """
            base: \(FederationRun.baseModel)
            base-name: tributary-base
            variables: \(FederationRun.repository)/configs/variables.yaml
            rounds: \(updates)
            local-steps: 2
            adapter: {rank: 4, alpha: 8, targets: [q_proj, v_proj]}
            minimum-cohort: 3
            deadline: 5m
            validate-every: 0
            test: true
            threads: 1
            bits: 24
            \(more)
            privacy: \(privacy)

            """
        }

        private func account(_ run: FederationRun) throws -> ReleaseManifest.DifferentialPrivacy {
            try #require(ReleaseManifest(run.read("\(run.releases)/latest/manifest.json")).privacy.noise)
        }

        @Test(
            "Under both kinds of noise a run ends, and its manifest says what the accountant does",
            arguments: [Suite.clear, .paillier, .secagg])
        func both(suite: Suite) async throws {
            let noisy = try run(
                "{noise: 1.2, sampling: 0.25, budget: 50, sum-noise: 2}", suite: suite,
                limits: ", privacy: {budget: 40, sum-budget: 60}", more: "clip-norm: 0.05")
            try await noisy.run()
            let account = try account(noisy)
            let expected = (SampledGaussian(rate: 0.25, multiplier: 1.2).curve * 4).epsilon(delta: 1e-5)
            let training = try #require(account.training)
            #expect(training.epsilon == expected && training.unit == .patient && training.steps == 4)
            #expect(training.budget == 50 && account.stopped == nil)
            let sums = try #require(account.sums)
            let gaussian = (SampledGaussian(rate: 1, multiplier: 2).curve * 2).epsilon(delta: 1e-5)
            #expect(abs(try #require(sums.epsilon) / gaussian - 1) < 1e-3)
            #expect(sums.honest == 2 && sums.updates == 2)
            #expect(account.outside.contains { $0.hasPrefix("statistics") })
            // Publish and each cloud say the same of it.
            let told = noisy.book.all.filter { $0.name == "privacy_spent" && $0.round == 3 }
            #expect(told.count == 4)
            for event in told {
                #expect(event.fields["epsilon"].flatMap(Double.init).map { abs($0 - expected) < 1e-6 } == true)
                #expect(event.fields["unit"] == "patient")
            }
            let card = String(decoding: try noisy.read("\(noisy.releases)/latest/README.md"), as: UTF8.self)
            #expect(card.contains("For a patient of the training data") && card.contains("For a whole cloud"))
        }

        @Test("A cloud that is killed between spending and sending sends what it spent for, and spends once")
        func killed() async throws {
            let run = try run("{noise: 1.2, sampling: 0.25, sum-noise: 2}", suite: .paillier, more: "clip-norm: 0.05")
            let encrypt = run.stage(.encrypt, "north")
            run.pause(encrypt, at: "privacy_spent", round: 2)
            try run.startAll()
            _ = try await run.event("privacy_spent", of: encrypt, round: 2)
            try await run.killAndRestart(encrypt)
            let statuses = try await run.finish()
            #expect(statuses.values.allSatisfy { $0 == 0 }, "\(statuses)")
            let expected = (SampledGaussian(rate: 0.25, multiplier: 1.2).curve * 4).epsilon(delta: 1e-5)
            #expect(try account(run).training?.epsilon == expected)
            let told = run.book.all.filter { $0.stage == encrypt && $0.name == "privacy_spent" && $0.round == 3 }
            #expect(told.count == 1)
            let epsilon = try #require(told.first?.fields["epsilon"].flatMap(Double.init))
            #expect(abs(epsilon - expected) < 1e-6)
        }

        @Test("`apply` changes the noise between rounds, and what was spent before counts on")
        func changes() async throws {
            var plan = FederationRun.Plan(suite: .clear, updates: 30, stays: 12, evaluates: false)
            plan.trainer = "none"
            plan.configs[.publish] = Self.config("{noise: 1, sampling: 0.01}", updates: 30).replacing(
                "test: true", with: "test: false"
            ).replacing("variables: \(FederationRun.repository)/configs/variables.yaml\n", with: "")
            plan.configs[.encrypt] = "threads: 1\nlimits: {privacy: {budget: 20}}\n"
            let run = try FederationRun(plan)
            try await run.launch()
            let publish = run.topology.publish
            _ = try await run.logged("round_released", by: publish) { $0.round == 3 }
            try run.hold("west/local-train")
            let file = "\(run.root)/publish.yaml"
            let config = try String(contentsOfFile: file, encoding: .utf8)
            try run.write(Array(config.replacing("{noise: 1,", with: "{noise: 3,").utf8), file)
            let applied = try await run.apply("\(run.root)/topology.yaml")
            #expect(applied.status == 0, "\(applied.output)\(applied.complaint)")
            try run.letGo("west/local-train")
            #expect(try await run.event("exited", of: try run.launcher, within: 300).fields["status"] == "0")
            let opened = try run.log(of: publish).filter { $0.name == "round_opened" }
            let later = opened.filter { $0.fields["method"]?.contains("noise 3.0") == true }.count
            #expect(opened.count == 30 && later > 0 && later < 30)
            let curve =
                SampledGaussian(rate: 0.01, multiplier: 1).curve * (2 * (30 - later))
                + SampledGaussian(rate: 0.01, multiplier: 3).curve * (2 * later)
            #expect(try account(run).training?.epsilon == curve.epsilon(delta: 1e-5))
        }

        @Test("`apply` raises the budgets of publish and of a cloud, and a run that they would have ended goes on")
        func raised() async throws {
            let (updates, allowed) = (24, 12)
            func epsilon(_ updates: Int) -> Double {
                (SampledGaussian(rate: 0.01, multiplier: 1).curve * (2 * updates)).epsilon(delta: 1e-5)
            }
            // Above that of so many updates, and below that of one more.
            let budget = (epsilon(allowed) + epsilon(allowed + 1)) / 2
            func encrypt(_ budget: Double) -> String {
                "threads: 1\nlimits: {minimum-cohort: 3, maximum-share: 0.99, privacy: {budget: \(budget)}}\n"
            }
            var plan = FederationRun.Plan(suite: .clear, updates: updates, stays: 12)
            plan.trainer = "none"
            plan.configs[.publish] = Self.config("{noise: 1, sampling: 0.01, budget: \(budget)}", updates: updates)
            plan.configs[.encrypt] = encrypt(budget)
            let run = try FederationRun(plan)
            try await run.launch()
            try run.hold("west/local-train")
            let publish = run.topology.publish
            let file = "\(run.root)/publish.yaml"
            let config = try String(contentsOfFile: file, encoding: .utf8)
            try run.write(Array(config.replacing("budget: \(budget)", with: "budget: 50").utf8), file)
            try run.write(Array(encrypt(50).utf8), "\(run.root)/encrypt.yaml")
            let applied = try await run.apply("\(run.root)/topology.yaml")
            #expect(applied.status == 0, "\(applied.output)\(applied.complaint)")
            func released() throws -> Int {
                try run.log(of: publish).count { $0.name == "round_released" && $0.fields["purpose"] == "update" }
            }
            try #require(try released() < allowed, "the budget was used up before it was raised")
            try run.letGo("west/local-train")
            #expect(try await run.event("exited", of: try run.launcher, within: 300).fields["status"] == "0")
            #expect(try released() == updates)
            #expect(try !run.log(of: publish).contains { $0.name == "privacy_budget_spent" })
            let account = try account(run)
            #expect(account.training?.epsilon == epsilon(updates) && account.training?.budget == 50)
            #expect(account.stopped == nil && epsilon(updates) > budget)
        }

        @Test(
            "The noise in the sum is drawn: what is released lies as far from the clouds' mean as it should, and no nearer"
        )
        func sumNoiseIsDrawn() async throws {
            let (values, range, clip) = (2000, 0.01, 1.0)
            /// The root of the mean square of what the release is off the mean of what the clouds had.
            func deviation(_ noise: Double, keys: FederationRun?) async throws -> (FederationRun, Double) {
                var plan = FederationRun.Plan(suite: .clear, updates: 1, stays: 12, evaluates: false)
                plan.trainer = "none"
                plan.configs[.publish] = """
                    values: \(values)
                    rounds: 1
                    range: \(range)
                    bits: 24
                    clip-norm: \(clip)
                    minimum-cohort: 3
                    deadline: 5m
                    validate-every: 0
                    test: false
                    threads: 1
                    privacy: {sum-noise: \(noise)}

                    """
                let run = try FederationRun(plan, keys: keys)
                try await run.run()
                let path = "\(run.topology.stateFolder(of: run.topology.publish))/adapter-1.f32"
                let released = try run.read(path).withUnsafeBytes { bytes in
                    (0..<values).map { Double(bytes.loadUnaligned(fromByteOffset: $0 * 4, as: Float.self)) }
                }
                let deltas = run.plan.clouds.map { delta($0, range: range, count: values) }
                let squares = released.indices.reduce(0.0) { sum, index in
                    let mean = deltas.reduce(0) { $0 + $1[index] } / 3
                    return sum + (released[index] - mean) * (released[index] - mean)
                }
                return (run, (squares / Double(values)).squareRoot())
            }
            // Of three shares, each a half of what two must make up; the mean is a third of the sum.
            func expected(_ noise: Double) -> Double { noise * clip * 1.5.squareRoot() / 3 }
            let (first, small) = try await deviation(0.001, keys: nil)
            let (_, large) = try await deviation(0.03, keys: first)
            #expect(abs(small / expected(0.001) - 1) < 0.15, "\(small) for \(expected(0.001))")
            #expect(abs(large / expected(0.03) - 1) < 0.15, "\(large) for \(expected(0.03))")
        }

        /// What a cloud sends in round 1 where nothing is trained: the trainer's numbers, written anew.
        private func delta(_ cloud: String, range: Double, count: Int) -> [Double] {
            var state = cloud.utf8.reduce(14_695_981_039_346_656_037 as UInt64) {
                ($0 ^ UInt64($1)) &* 1_099_511_628_211
            }
            state = state &+ 0x9e37_79b9_7f4a_7c15
            return (0..<count).map { _ in
                state ^= state << 13
                state ^= state >> 7
                state ^= state << 17
                return range * (Double(state >> 40) / Double(1 << 23) - 1)
            }
        }

        @Test(
            "The noise of the clouds' steps is drawn: two runs that are alike differ by it, and by a hundred times as much of it a hundred times as much"
        )
        func stepNoiseIsDrawn() async throws {
            // Every unit is in every step, so that noise is all that differs; one plain step shows it as it is.
            func released(_ noise: Double, keys: FederationRun?) async throws -> (FederationRun, [Double]) {
                var plan = FederationRun.Plan(suite: .clear, updates: 1, stays: 48, evaluates: false)
                let more = "local-optimizer: sgd\nlearning-rate: 0.01\nrange: 1\nclip-norm: 0"
                plan.configs[.publish] = Self.config("{noise: \(noise), sampling: 1}", updates: 1, more: more)
                    .replacing("local-steps: 2", with: "local-steps: 1").replacing("test: true", with: "test: false")
                let run = try FederationRun(plan, keys: keys)
                try await run.run()
                let file = try SafetensorsFile(path: "\(run.releases)/latest/adapter_model.safetensors")
                let names = file.tensors.keys.sorted().filter { $0.contains("lora_B") }
                return (run, try names.flatMap { name in try file.floats(name).map { Double($0) } })
            }
            func difference(_ one: [Double], _ other: [Double]) -> Double {
                (zip(one, other).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) } / Double(one.count)).squareRoot()
            }
            let (first, little) = try await released(0.02, keys: nil)
            let (_, again) = try await released(0.02, keys: first)
            let (_, much) = try await released(2, keys: first)
            let (_, other) = try await released(2, keys: first)
            let (small, large) = (difference(little, again), difference(much, other))
            #expect(small > 0 && abs(large / small / 100 - 1) < 0.15, "\(small), \(large)")
        }

        @Test("Publish's budget of clouds ends the updates too, with the test; the release says why")
        func sumBudget() async throws {
            func epsilon(_ updates: Int) -> Double {
                (SampledGaussian(rate: 1, multiplier: 2).curve * updates).epsilon(delta: 1e-5)
            }
            let short = try run(
                "{sum-noise: 2, sum-budget: \((epsilon(1) + epsilon(2)) / 2)}", updates: 3, more: "clip-norm: 0.05")
            try await short.run()
            let updates = short.book.all.filter { $0.name == "round_released" && $0.fields["purpose"] == "update" }
            #expect(updates.count == 1)
            let ended = try #require(short.book.all.first { $0.name == "privacy_budget_spent" })
            #expect(ended.fields["reason"]?.contains("privacy.sum-budget") == true, "\(ended.line)")
            let account = try account(short)
            #expect(abs(try #require(account.sums?.epsilon) / epsilon(1) - 1) < 1e-3)
            #expect(account.stopped?.contains("privacy.sum-budget") == true && account.training == nil)
            #expect(short.book.all.contains { $0.name == "run_finished" })
        }

        @Test("A cloud whose budget of sums is used up stays out, and says why")
        func sumLimits() async throws {
            let one = (SampledGaussian(rate: 1, multiplier: 2).curve * 1).epsilon(delta: 1e-5)
            let limited = try run(
                "{sum-noise: 2}", limits: ", privacy: {sum-budget: \(one * 1.01)}", updates: 2, more: "clip-norm: 0.05")
            try limited.startAll()
            let encrypt = limited.stage(.encrypt, "north")
            let event = try await limited.event("opening_refused", of: encrypt)
            #expect(event.fields["reason"]?.contains("limits.privacy.sum-budget is") == true, "\(event.line)")
            #expect(limited.book.all.filter { $0.stage == encrypt && $0.name == "privacy_spent" }.count == 1)
        }

        @Test(
            "A cloud with a budget of sums answers none without noise, and none whose noise counts on clouds that it does not trust",
            arguments: [
                (
                    "{noise: 1, sampling: 0.5}", "",
                    "its sum has no noise, and this cloud has a limits.privacy.sum-budget"
                ),
                ("{sum-noise: 2}", ", colluders: 2", "(limits.privacy.colluders)"),
            ])
        func sumRefusals(privacy: String, limit: String, reason: String) async throws {
            let refused = try run(
                privacy, limits: ", privacy: {sum-budget: 100\(limit)}", updates: 1, more: "clip-norm: 0.05")
            try refused.startAll()
            let event = try await refused.event("opening_refused", of: refused.stage(.encrypt, "north"))
            #expect(event.fields["reason"]?.contains(reason) == true, "\(event.line)")
            #expect(!refused.book.all.contains { $0.stage.kind == .encrypt && $0.name == "privacy_spent" })
        }

        @Test("Publish's budget ends the updates, and the run with its test; the release says why")
        func budget() async throws {
            let one = (SampledGaussian(rate: 0.5, multiplier: 1).curve * 2).epsilon(delta: 1e-5)
            let two = (SampledGaussian(rate: 0.5, multiplier: 1).curve * 4).epsilon(delta: 1e-5)
            let short = try run("{noise: 1, sampling: 0.5, budget: \((one + two) / 2)}", updates: 3)
            try await short.run()
            let updates = short.book.all.filter { $0.name == "round_released" && $0.fields["purpose"] == "update" }
            #expect(updates.count == 1)
            let ended = try #require(short.book.all.first { $0.name == "privacy_budget_spent" })
            #expect(ended.fields["reason"]?.contains("privacy.budget") == true)
            let account = try account(short)
            #expect(account.training?.epsilon == one)
            #expect(account.stopped?.contains("privacy.budget") == true)
            #expect(short.book.all.contains { $0.name == "run_finished" })
        }

        @Test("A cloud whose own budget is used up stays out, and says why")
        func limits() async throws {
            let one = (SampledGaussian(rate: 0.5, multiplier: 1).curve * 2).epsilon(delta: 1e-5)
            let limited = try run(
                "{noise: 1, sampling: 0.5}", limits: ", privacy: {budget: \(one * 1.01)}", updates: 2)
            try limited.startAll()
            let encrypt = limited.stage(.encrypt, "north")
            let event = try await limited.event("opening_refused", of: encrypt)
            #expect(event.fields["reason"]?.contains("limits.privacy.budget") == true)
            // It had answered the first.
            let answered = limited.book.all.filter { $0.stage == encrypt && $0.name == "privacy_spent" }
            #expect(answered.count == 1)
        }

        @Test(
            "A cloud with a budget answers no update without noise, and none that protects records where it counts patients"
        )
        func without() async throws {
            let record = try run(
                "{unit: record, noise: 1, sampling: 0.5}", limits: ", privacy: {budget: 100}", updates: 1)
            try record.startAll()
            let event = try await record.event("opening_refused", of: record.stage(.encrypt, "north"))
            #expect(event.fields["reason"]?.contains("limits.privacy.unit is patient") == true)
        }
    }
}
