import Federation
import Foundation
import Testing
import Topology

extension PipelineSuite {
    /// What `tributary cost` prints of a run that has been.
    @Suite("Cost")
    struct CostTests {
        /// What `--format json` prints.
        struct Answer: Decodable {
            struct Cloud: Decodable {
                let cloud: String
                let cpuSeconds: Double
                let gpuSeconds: Double
                let egressBytes: Double
                let amount: Double?
            }
            struct Contents: Decodable {
                let currency: String
                let clouds: [Cloud]
                let total: Double?
                let auroc: Double?
                let target: Double?
                let round: Int?
            }
            let data: Contents
        }

        private func run() async throws -> FederationRun {
            var plan = FederationRun.Plan(suite: .clear, updates: 2, stays: 400)
            plan.configs[.publish] = """
                base: \(FederationRun.baseModel)
                base-name: tributary-base
                variables: \(FederationRun.repository)/configs/variables.yaml
                rounds: 2
                local-steps: 6
                batch-size: 8
                adapter: {rank: 4, alpha: 8, targets: [q_proj, v_proj]}
                minimum-cohort: 3
                deadline: 5m
                validate-every: 1
                test: false
                threads: 1

                """
            let run = try FederationRun(plan)
            try await run.run()
            let prices = """
                    prices: {cpu-hour: 36, gpu-hour: 3.6, egress-gb: 1000}
                    owner: Owner of north
                """
            _ = try run.writeTopology(
                try run.topologyText().replacing("    owner: Owner of north", with: prices), "priced.yaml")
            return run
        }

        private func cost(_ run: FederationRun, _ more: String...) async throws -> (Int32, Answer.Contents?, String) {
            let (status, output, complaint) = try await run.command(
                ["cost", "\(run.root)/priced.yaml", "--state", run.topology.statePath, "--format", "json"] + more)
            let decoder = JSONDecoder()
            decoder.keyDecodingStrategy = .convertFromSnakeCase
            return (status, try? decoder.decode(Answer.self, from: Data(output.utf8)).data, complaint)
        }

        @Test(
            "It adds up what the stages used, and with a target what they had used by the first release that reached it"
        )
        func target() async throws {
            let run = try await run()
            let scored = run.book.all.filter { $0.name == "round_released" }.compactMap { event in
                event.fields["auroc"].flatMap(Double.init).map { (round: event.round ?? 0, auroc: $0) }
            }
            try #require(scored.count == 3, "\(scored)")
            let best = try #require(scored.map(\.auroc).max())
            let first = try #require(scored.first { $0.auroc == best })

            let (status, now, complaint) = try await cost(run)
            let whole = try #require(now, "\(complaint)")
            #expect(status == 0 && whole.target == nil && whole.round == nil)
            #expect(abs(try #require(whole.auroc) - (scored.last?.auroc ?? 0)) < 1e-9)
            // A hair below, as JSON and events may print the last digit otherwise.
            let (_, then, words) = try await cost(run, "--target", "\(best - 1e-9)")
            let reached = try #require(then, "\(words)")
            let auroc = try #require(reached.auroc)
            #expect(reached.round == first.round && abs(auroc - best) < 1e-9)

            func used(_ cloud: String, by round: Int) -> (cpu: Double, trained: Double) {
                let told = run.book.all.filter { $0.name == "stage_used" && $0.stage.cloud.description == cloud }
                return Set(told.map(\.stage)).reduce(into: (0, 0)) { sum, stage in
                    let last = told.last { $0.stage == stage && ($0.round ?? 0) <= round }
                    sum.0 += last?.fields["cpu_seconds"].flatMap(Double.init) ?? 0
                    sum.1 += last?.fields["trained_seconds"].flatMap(Double.init) ?? 0
                }
            }
            for cloud in reached.clouds {
                let expected = used(cloud.cloud, by: first.round)
                #expect(expected.cpu > 0 && abs(cloud.cpuSeconds - expected.cpu) < 1e-6, "\(cloud)")
            }
            let north = try #require(reached.clouds.first { $0.cloud == "north" })
            #expect(abs(north.gpuSeconds - used("north", by: first.round).trained) < 1e-6)
            #expect(north.egressBytes > 0)
            let amount = 36 * north.cpuSeconds / 3600 + 3.6 * north.gpuSeconds / 3600 + north.egressBytes / 1e6
            #expect(abs(try #require(north.amount) / amount - 1) < 1e-9 && reached.total == north.amount)
            #expect(reached.clouds.first { $0.cloud == "west" }?.amount == nil)
            // The base model is scored before anybody trains, and any release reaches next to nothing.
            let early = try #require(try await cost(run, "--target", "0.01").1)
            #expect(early.round == scored[0].round && early.clouds.allSatisfy { $0.gpuSeconds == 0 })
            let all = try #require(whole.clouds.first { $0.cloud == "north" })
            let begun = try #require(early.clouds.first { $0.cloud == "north" })
            #expect(begun.cpuSeconds < all.cpuSeconds && begun.egressBytes < all.egressBytes)

            let (failed, nothing, reason) = try await cost(run, "--target", "0.99999")
            #expect(failed != 0 && nothing == nil)
            #expect(reason.contains("the best so far is") && reason.contains("round \(first.round)"), "\(reason)")
            let (refused, _, why) = try await cost(run, "--target", "70")
            #expect(refused != 0 && why.contains("an AUROC above 0"))
        }
    }
}
