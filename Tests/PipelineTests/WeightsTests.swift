import Federation
import Foundation
import Keys
import Publication
import Safetensors
import StageKit
import Testing
import Topology

extension PipelineSuite {
    /// How much each cloud counts, in a run. Every encrypt stage works the weights out again before it answers.
    @Suite("Weights")
    struct WeightsTests {
        private func run(
            _ weights: String, limits: String = "", updates: Int = 1, every: Int = 1, rank: Int = 4, more: String = ""
        ) async throws -> FederationRun {
            var plan = FederationRun.Plan(suite: .clear, updates: updates, stays: 48, evaluates: false)
            plan.configs[.publish] = """
                base: \(FederationRun.baseModel)
                base-name: tributary-base
                variables: \(FederationRun.repository)/configs/variables.yaml
                rounds: \(updates)
                local-steps: 2
                batch-size: 8
                adapter: {rank: \(rank), alpha: 8\(rank == 4 ? ", targets: [q_proj, v_proj]" : "")}
                minimum-cohort: 3
                deadline: 5m
                validate-every: \(every)
                test: false
                threads: 1
                weights: {mode: \(weights)}
                \(more)

                """
            plan.configs[.encrypt] = "threads: 1\nlimits: {minimum-cohort: 3, maximum-share: 0.99\(limits)}\n"
            return try FederationRun(plan)
        }

        private struct Round: Decodable {
            struct Part: Decodable { let weight: Double }
            let purpose: String
            let cohort: [Part]
        }

        /// Of each update round, in the order of the clouds' names.
        private func everyWeight(_ run: FederationRun) throws -> [[Double]] {
            let lines = try String(contentsOfFile: "\(run.releases)/rounds.jsonl", encoding: .utf8)
            return try lines.split(separator: "\n").map {
                try JSONDecoder().decode(Round.self, from: Data($0.utf8))
            }.filter { $0.purpose == "update" }.map { $0.cohort.map(\.weight) }
        }

        private func weights(_ run: FederationRun) throws -> [Double] { try #require(try everyWeight(run).first) }

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
            let told = try await run("quality, beta: 1", limits: ", tells-loss: true")
            try await told.run()
            #expect(!told.book.all.contains { $0.name == "losses_untold" })
            let silent = try await run("quality, beta: 1")
            try await silent.run()
            // Nobody weighs by what nobody tells without being told so.
            let untold = try #require(silent.book.all.first { $0.name == "losses_untold" })
            #expect(untold.stage == silent.topology.publish && untold.fields["level"] == "warning")
            #expect(untold.fields["reason"]?.contains("limits.tells-loss: true") == true, "\(untold.line)")
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
            for round in [0, 3] {
                let warned = agreed.book.all.first { $0.name == "literal_formula" && $0.round == round }
                #expect(warned?.fields["reason"]?.contains("the slowest link") == true, "round \(round)")
            }
            let method = try ReleaseManifest(try agreed.read("\(agreed.releases)/latest/manifest.json")).method
            #expect(method?.weightsWarning != nil && method?.weightsParameters == ["alpha": 0.5])
        }

        /// A rule as docs/weights.md has it.
        struct Rule: CustomTestStringConvertible, Sendable {
            let mode: String
            var settings = ""
            var alpha = 0.5
            var beta = 1.0
            var cap = Double.infinity
            var slack = 10_000.0

            var testDescription: String { mode }

            /// What it makes of records, losses and times on the way, written anew and without the code that is tested.
            func weights(_ records: [Double], _ losses: [Double?], _ times: [Double?]) -> [Double] {
                func middle(_ known: [Double]) -> Double {
                    let sorted = known.sorted()
                    let half = sorted.count / 2
                    return sorted.isEmpty
                        ? 1 : sorted.count % 2 == 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2
                }
                let loss = losses.map { $0 ?? middle(losses.compactMap { $0 }) }
                let time = times.map { $0 ?? middle(times.compactMap { $0 }) }
                let least = middle(loss) / 20
                let raw = records.indices.map { index -> Double in
                    let (n, l, rate) = (records[index], loss[index], 1 / time[index])
                    switch mode {
                    case "quality":
                        return n / pow(l + least, beta) / pow(1 + max(0, time[index] / slack - 1), alpha)
                    case "qffl": return n * pow(l + least, beta)
                    case "reciprocal": return n * pow(rate, alpha) / l
                    default: return l / (n * pow(rate, alpha))
                    }
                }
                // The one level to which all are raised so that, each cut at its cap, they come to 1.
                let total = records.reduce(0, +)
                let caps = records.map { cap * $0 / total }
                var (low, high) = (0.0, 1 / (raw.min() ?? 1))
                for _ in 0..<200 {
                    let level = (low + high) / 2
                    let sum = zip(raw, caps).reduce(0.0) { $0 + min($1.0 * level, $1.1) }
                    if sum < 1 { low = level } else { high = level }
                }
                let shares = zip(raw, caps).map { min($0 * high, $1) }
                return shares.map { max(1, ($0 / (shares.max() ?? 1) * 65_536).rounded()) }
            }
        }

        static let rules = [
            Rule(
                mode: "quality", settings: ", beta: 1, alpha: 0.75, cap: 1.05, slack: 2ms", alpha: 0.75, cap: 1.05,
                slack: 2),
            Rule(mode: "qffl", settings: ", beta: 2, cap: 1.02", beta: 2, cap: 1.02),
            Rule(mode: "reciprocal", settings: ", alpha: 0.25", alpha: 0.25), Rule(mode: "literal"),
        ]

        @Test(
            "In each of three updates the weights are what the rule makes of the opening's inputs, written anew",
            arguments: rules)
        func everyRound(_ rule: Rule) async throws {
            // Long enough that what it takes on its way is more than a millisecond.
            let run = try await run(
                rule.mode + rule.settings, limits: ", weights: [\(rule.mode)], tells-loss: true", updates: 3, every: 2,
                rank: 128, more: "bits: 30")
            let brake = run.slowDown(run.stage(.encrypt, "north"))
            try run.startAll()
            _ = try await run.finish()
            brake.cancel()
            await brake.value
            let publish = run.topology.publish
            let key = try run.keys.card(of: publish).verifying
            let book = try run.journal(of: publish)
            let updates = run.book.all.filter { $0.name == "round_opened" && $0.fields["purpose"] == "update" }
                .compactMap(\.round)
            let openings = try updates.map { round in
                try #require(
                    try book.read {
                        try $0.document(Opening.self, round: RoundNumber(UInt32(round)), key: key, signer: publish)
                    }, "round \(round)"
                ).content
            }
            try book.close()
            try #require(openings.count == 3)
            let released = try everyWeight(run)
            for (opening, released) in zip(openings, released) {
                let inputs = try #require(opening.training).weighting.inputs
                #expect(inputs.count == 3 && inputs.allSatisfy { $0.loss != nil })
                let expected = rule.weights(
                    inputs.map { Double($0.records) }, inputs.map { $0.loss.map(Double.init) },
                    inputs.map { $0.transfer.map(Double.init) })
                for (found, expected) in zip(released, expected) {
                    #expect(abs(found - expected) <= 1, "\(released) for \(expected) of \(inputs)")
                }
                #expect(opening.cohort.map { Double($0.weight) } == released)
            }
            let times = openings.map { $0.training?.weighting.inputs.compactMap(\.transfer) ?? [] }
            #expect(times[0].isEmpty && times[1].count == 3 && times[2].count == 3)
            if rule.slack < 10_000 {
                #expect(times.joined().contains { Double($0) > rule.slack }, "nobody was late: \(times)")
            }
            // Losses come anew with each evaluation: of the second one those of the adapter after two updates.
            let losses = openings.map { $0.training?.weighting.inputs.map(\.loss) }
            #expect(losses[0] == losses[1] && losses[1] != losses[2])
        }
    }
}
