import Federation
import Foundation
import Publication
import Testing
import Topology

extension PipelineSuite {
    /// How much each cloud counts, in a run. Every encrypt stage works the weights out again before it answers.
    @Suite("Weights")
    struct WeightsTests {
        private func run(_ weights: String, limits: String = "", stays: Int = 48) async throws -> FederationRun {
            var plan = FederationRun.Plan(suite: .clear, updates: 1, stays: stays, evaluates: false)
            plan.configs[.publish] = """
                base: \(FederationRun.baseModel)
                base-name: tributary-base
                variables: \(FederationRun.repository)/configs/variables.yaml
                rounds: 1
                local-steps: 2
                batch-size: 8
                adapter: {rank: 4, alpha: 8, targets: [q_proj, v_proj]}
                minimum-cohort: 3
                deadline: 5m
                validate-every: 1
                test: false
                threads: 1
                weights: {mode: \(weights)}

                """
            plan.configs[.encrypt] = "threads: 1\nlimits: {minimum-cohort: 3, maximum-share: 0.99\(limits)}\n"
            return try FederationRun(plan)
        }

        private struct Round: Decodable {
            struct Part: Decodable { let weight: Double }
            let purpose: String
            let cohort: [Part]
        }

        /// Of the update round, in the order of the clouds' names.
        private func weights(_ run: FederationRun) throws -> [Double] {
            let lines = try String(contentsOfFile: "\(run.releases)/rounds.jsonl", encoding: .utf8)
            let rounds = try lines.split(separator: "\n").map {
                try JSONDecoder().decode(Round.self, from: Data($0.utf8))
            }
            return try #require(rounds.first { $0.purpose == "update" }).cohort.map(\.weight)
        }

        @Test("`uniform` counts each cloud alike, `fedavg` by its records")
        func uniform() async throws {
            let alike = try await run("uniform")
            try await alike.run()
            #expect(Set(try weights(alike)) == [65_536])
            let counted = try await run("fedavg")
            try await counted.run()
            #expect(try weights(counted).allSatisfy { $0 < 65_536 && $0 >= 1 })
            #expect(try alike.adapter() != counted.adapter())
        }

        @Test("`quality` weighs by losses that clouds let be known, and goes by records where they do not")
        func quality() async throws {
            let told = try await run("quality", limits: ", tells-loss: true")
            try await told.run()
            let silent = try await run("quality")
            try await silent.run()
            let (by, without) = (try weights(told), try weights(silent))
            #expect(by.max() == 65_536 && without.max() == 65_536)
            #expect(by != without, "\(by)")
            let opened = told.book.all.first { $0.name == "round_opened" && $0.fields["purpose"] == "update" }
            #expect(opened?.fields["method"]?.contains("weights quality") == true)
        }

        @Test("The paper's own rule is not answered by a cloud that has not agreed to it, and says why")
        func literal() async throws {
            let refused = try await run("literal")
            try refused.startAll()
            let encrypt = refused.stage(.encrypt, "north")
            let event = try await refused.event("opening_refused", of: encrypt)
            #expect(event.fields["reason"]?.contains("not in this cloud's limits.weights") == true)
            let agreed = try await run("literal", limits: ", weights: [literal], tells-loss: true")
            try await agreed.run()
            #expect(try weights(agreed).max() == 65_536)
        }
    }
}
