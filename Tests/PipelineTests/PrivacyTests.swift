import Federation
import Foundation
import Privacy
import Publication
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
