import Federation
import Foundation
import Publication
import Testing
import Topology

extension PipelineSuite {
    /// What publish.yaml says of the clouds' steps, in a run.
    @Suite("Ways of making an update")
    struct UpdateModesTests {
        private func run(_ method: String, updates: Int = 1) async throws -> FederationRun {
            var plan = FederationRun.Plan(suite: .clear, updates: updates, evaluates: false)
            plan.configs[.publish] = """
                base: \(FederationRun.baseModel)
                base-name: tributary-base
                variables: \(FederationRun.repository)/configs/variables.yaml
                rounds: \(updates)
                batch-size: 8
                adapter: {rank: 4, alpha: 8, targets: [q_proj, v_proj]}
                bits: 16
                minimum-cohort: 3
                deadline: 5m
                validate-every: 0
                test: false
                threads: 1
                \(method)
                """
            let run = try FederationRun(plan)
            try await run.run()
            return run
        }

        /// Of each cloud's delta in a round, before clipping.
        private func norms(_ run: FederationRun, round: Int) throws -> [Double] {
            try run.plan.clouds.map { cloud in
                let event = run.book.all.first {
                    $0.name == "round_trained" && $0.stage == run.stage(.localTrain, cloud) && $0.round == round
                }
                let said = try #require(event?.fields["delta_norm"], "\(cloud) has not trained")
                return try #require(Double(said))
            }
        }

        private func manifest(_ run: FederationRun) throws -> ReleaseManifest {
            try ReleaseManifest(
                Array(Data(contentsOf: URL(fileURLWithPath: "\(run.releases)/latest/manifest.json"))))
        }

        @Test("`sgd` with one step moves each cloud by the rate times its gradient, here of a known length")
        func gradient() async throws {
            // A gradient that is longer than the clip comes out as long as that: rate times clip is the delta's length.
            let run = try await run(
                "local-optimizer: sgd\nlocal-steps: 1\nlearning-rate: 50\ngradient-clip: 1.0e-4\nweight-decay: 0\n")
            for norm in try norms(run, round: 2) { #expect(abs(norm - 5e-3) < 5e-5) }
            let method = try #require(try manifest(run).method)
            #expect(method.localOptimizer == .sgd && method.localSteps == 1 && method.outer == .average(rate: 1))
            let card = try String(contentsOfFile: "\(run.releases)/latest/README.md", encoding: .utf8)
            #expect(card.contains("each cloud took 1 gradient step of 8 records at rate 50"), "\(card)")
        }

        @Test("`proximal` keeps each cloud nearer to where the round began")
        func proximal() async throws {
            let free = try norms(try await run("local-steps: 12\n"), round: 2)
            let held = try await run("local-steps: 12\nproximal: 1000\n")
            for (near, far) in zip(try norms(held, round: 2), free) { #expect(near < far / 2, "\(near), \(far)") }
            #expect(try manifest(held).method?.proximal == 1000)
        }

        @Test("`outer` moves the adapter by its own rule, and the release says which", arguments: ["nesterov", "adam"])
        func outer(_ name: String) async throws {
            let plain = try await run("local-steps: 2\n", updates: 2)
            let other = try await run("local-steps: 2\nouter: {optimizer: \(name)}\n", updates: 2)
            #expect(try plain.adapter() != other.adapter())
            #expect(try manifest(other).method?.outer.name.rawValue == name)
            #expect(try manifest(plain).method?.outer.name == .average)
            #expect(ReleaseVerification.verify("\(other.releases)/latest").isSound)
        }
    }
}
