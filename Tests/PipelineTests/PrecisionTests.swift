import Federation
import Foundation
import Publication
import Safetensors
import Testing
import Topology

extension PipelineSuite {
    /// What a cloud computes on, and in which numbers, is its own affair.
    @Suite("Precision and device")
    struct PrecisionTests {
        /// - Parameter west: what west's local-train config says beside the others'.
        private func run(west: String?) throws -> FederationRun {
            var plan = FederationRun.Plan(suite: .secagg)
            plan.configs[.publish] = """
                base: \(FederationRun.baseModel)
                base-name: tributary-base
                variables: \(FederationRun.repository)/configs/variables.yaml
                rounds: 1
                local-optimizer: sgd
                local-steps: 2
                learning-rate: 0.5
                batch-size: 8
                adapter: {rank: 4, alpha: 8, targets: [q_proj, v_proj]}
                bits: 24
                minimum-cohort: 3
                deadline: 5m
                validate-every: 1
                test: true
                threads: 1

                """
            if west != nil {
                plan.trainers["west"] = """
                    #!/bin/sh
                    exec '\(FederationRun.binaries)/tributary-local-train' "$@" --config "${0%/*}/local-train-west.yaml"

                    """
            }
            let run = try FederationRun(plan)
            if let west {
                let config = "base: \(FederationRun.baseModel)\nthreads: 1\n\(west)\n"
                try run.write(Array(config.utf8), "\(run.root)/local-train-west.yaml")
            }
            return run
        }

        private func factors(_ run: FederationRun) throws -> [Float] {
            let file = try SafetensorsFile(path: "\(run.releases)/latest/adapter_model.safetensors")
            return try file.tensors.keys.filter { $0.contains("lora_B") }.sorted().flatMap { try file.floats($0) }
        }

        private func length(_ values: some Sequence<Float>) -> Double {
            values.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
        }

        @Test("One cloud in bf16 and two in f32 make a round together, near to that of three in f32")
        func mixed() async throws {
            let (mixed, even) = (try run(west: "precision: bf16"), try run(west: nil))
            try await mixed.run()
            try await even.run()
            let started = mixed.book.all.filter { $0.name == "training_started" }
            #expect(started.count == 3)
            for event in started {
                #expect(event.fields["precision"] == (event.stage.cloud.description == "west" ? "bf16" : "f32"))
                #expect(event.fields["device"] == "cpu")
            }
            #expect(ReleaseVerification.verify("\(mixed.releases)/latest").isSound)
            // B began at 0, so it is the sum of the updates. bf16 is a few per cent off for a third of it; equal it would be only if
            // nothing had been computed otherwise.
            let (found, expected) = (try factors(mixed), try factors(even))
            let apart = length(zip(found, expected).map { $0 - $1 }) / length(expected)
            #expect(found.count == expected.count && apart > 1e-5 && apart < 0.05, "\(apart)")
        }

        // Of no test machine the 128th; most have an engine for the CPU alone.
        @Test("A device that is not there ends the stage at its start, with what to do")
        func refused() async throws {
            let run = try run(west: "device: cuda:127")
            let west = run.stage(.localTrain, "west")
            try run.start(west)
            let end = await run.book.first(within: 120) { $0.name == "exited" && $0.stage == west }
            #expect(end?.fields["status"] == "78")
            #expect(run.book.all.contains { $0.stage == west && $0.line.contains("take `device: cpu`") })
        }
    }
}
