import Federation
import Foundation
import Safetensors
import Testing
import Topology

private let python = ProcessInfo.processInfo.environment["TRIBUTARY_PYTHON"]

extension PipelineSuite {
    /// The federation trains at one cloud with transformers and PEFT: an independent computation of what ours does.
    @Suite(
        "A trainer of one's own",
        .enabled(
            if: python != nil,
            "`make reference`, or set TRIBUTARY_PYTHON to one with torch, transformers, peft and what interop/local_train.py needs"
        ))
    struct ExternalTrainerTests {
        /// A way of training that does not depend on the order of records: each batch has all of them.
        struct Way: Sendable, CustomTestStringConvertible {
            let name: String
            let method: String
            /// The distance of the two adapters over the length of our B, which training began with at 0.
            let tolerance: Double
            var testDescription: String { name }

            static let all = [
                Way(
                    name: "one step along the gradient",
                    method:
                        "local-optimizer: sgd\nlocal-steps: 1\nlearning-rate: 0.5\nweight-decay: 0.01\nadapter: {rank: 4, alpha: 8}",
                    tolerance: 1e-4),
                Way(
                    name: "AdamW, both factors in turn",
                    method:
                        "local-steps: 4\nlearning-rate: 2.0e-3\nadapter: {rank: 4, alpha: 8, targets: [q_proj, v_proj], mode: alternate}",
                    tolerance: 1e-3),
            ]
        }

        private func plan(_ way: Way) -> FederationRun.Plan {
            var plan = FederationRun.Plan(suite: .clear, stays: 48)
            plan.configs[.publish] = """
                base: \(FederationRun.baseModel)
                base-name: tributary-base
                variables: \(FederationRun.repository)/configs/variables.yaml
                rounds: 2
                batch-size: 4096
                bits: 30
                minimum-cohort: 3
                deadline: 5m
                validate-every: 1
                test: true
                threads: 1
                \(way.method)
                """
            return plan
        }

        private func adapter(_ run: FederationRun, _ factors: String = "lora_") throws -> [Float] {
            let file = try SafetensorsFile(path: "\(run.releases)/latest/adapter_model.safetensors")
            return try file.tensors.keys.filter { $0.contains(factors) }.sorted().flatMap { try file.floats($0) }
        }

        private func length(_ values: some Sequence<Float>) -> Double {
            values.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
        }

        @Test("transformers and PEFT at one cloud make the update that ours makes", arguments: Way.all)
        func agrees(_ way: Way) async throws {
            let ours = try FederationRun(plan(way))
            try await ours.run()
            var mixed = plan(way)
            mixed.trainers["west"] = """
                #!/bin/sh
                exec '\(python ?? "")' '\(FederationRun.repository)/interop/peft_local_train.py' "$@"

                """
            let theirs = try FederationRun(mixed, keys: ours)
            try theirs.startAll()
            // On a busy machine torch and transformers alone take a minute to load.
            try await theirs.event("exited", of: theirs.topology.publish, within: 540)
            _ = try await theirs.finish()

            let west = theirs.stage(.localTrain, "west")
            let trained = theirs.book.all.filter { $0.stage == west && $0.name == "round_trained" }
            #expect(trained.map { $0.fields["trainer"] } == ["peft", "peft"])
            let (own, other) = (try adapter(ours), try adapter(theirs))
            #expect(own.count == other.count)
            // A third of the sum is west's: had it trained otherwise, or not at all, this would be some tenths.
            let apart = length(zip(own, other).map { $0 - $1 }) / length(try adapter(ours, "lora_B"))
            #expect(apart < way.tolerance, "\(apart)")
            #expect(apart > 0, "it was ours that trained")

            func norms(_ run: FederationRun) -> [Double] {
                run.book.all.filter { $0.stage == west && $0.name == "round_trained" }
                    .compactMap { $0.fields["delta_norm"].flatMap { Double($0) } }
            }
            #expect(norms(ours).count == 2)
            for (found, expected) in zip(norms(theirs), norms(ours)) {
                #expect(abs(found - expected) < way.tolerance * expected)
            }
            // Its scores too: of some hundred patients one may have fallen into the next bin.
            func auroc(_ run: FederationRun) throws -> [Double] {
                run.book.all.filter { $0.name == "round_released" }.compactMap {
                    $0.fields["auroc"].flatMap { Double($0) }
                }
            }
            let (known, found) = (try auroc(ours), try auroc(theirs))
            #expect(known.count == 3 && found.count == 3, "\(known) \(found)")
            for (found, expected) in zip(found, known) { #expect(abs(found - expected) < 0.02) }
        }
    }
}
