import Federation
import Foundation
import Publication
import Testing
import Topology

extension PipelineSuite {
    /// Updates of which a part is sent, on ranges of the last step, with what is left out sent later.
    @Suite("Compressed runs")
    struct CompressionTests {
        private static let settings = "compression: {fraction: 0.1, rotation: 0.3}\nbits: 6\n"

        /// Rounds of values without a meaning.
        private func run(_ suite: Suite, keys: FederationRun? = nil, _ settings: String = settings) throws
            -> FederationRun
        {
            try FederationRun(
                .init(
                    suite: suite,
                    configs: [
                        .publish: """
                        values: 600
                        rounds: 4
                        deadline: 120s
                        validate-every: 0
                        test: false
                        threads: 1
                        \(settings)
                        """
                    ], trainer: "none"), keys: keys)
        }

        private func adapters(_ run: FederationRun) -> [String] {
            run.book.all.filter { $0.name == "round_released" }.compactMap { $0.fields["adapter"] }
        }

        private func figures(_ name: String, _ field: String, of stage: StageName, _ run: FederationRun) -> [Double] {
            run.book.all.filter { $0.name == name && $0.stage == stage }.compactMap { $0.fields[field] }
                .compactMap(Double.init)
        }

        @Test("Under every suite the adapter is the same, bit for bit, and a contribution is as much shorter")
        func suites() async throws {
            let sealed = try run(.paillier)
            try await sealed.run()
            let encrypt = sealed.stage(.encrypt, "north")
            #expect(figures("contribution_sealed", "sent", of: encrypt, sealed) == [600, 60, 60, 60])
            let bytes = figures("contribution_sealed", "bytes", of: encrypt, sealed)
            // 600 values of 8 bits and a counter take two ciphertexts of 768 bytes, 60 take one.
            #expect(bytes == [1536, 768, 768, 768])
            #expect(figures("contribution_sealed", "residual_norm", of: encrypt, sealed).allSatisfy { $0 > 0 })
            for suite in [Suite.clear, .secagg] {
                let other = try run(suite, keys: sealed)
                try await other.run()
                #expect(adapters(other) == adapters(sealed) && adapters(other).count == 4, "\(suite)")
            }
            let plain = try run(.clear, keys: sealed, "bits: 6\n")
            try await plain.run()
            #expect(adapters(plain)[0] == adapters(sealed)[0] && adapters(plain)[3] != adapters(sealed)[3])
        }

        @Test(
            "What was left out is neither lost nor sent twice when encrypt is killed before its round ends, or after",
            arguments: [("contribution_sealed", StageKind.encrypt), ("round_released", .publish)])
        func killed(event: String, by kind: StageKind) async throws {
            let quiet = try run(.clear)
            try await quiet.run()
            let run = try run(.clear, keys: quiet)
            let victim = run.stage(.encrypt, "north")
            try run.startAll()
            _ = try await run.event(event, of: kind == .publish ? run.topology.publish : victim, round: 2)
            try await run.killAndRestart(victim)
            let statuses = try await run.finish()
            #expect(statuses.values.allSatisfy { $0 == 0 }, "\(statuses)")
            #expect(adapters(run) == adapters(quiet))
            #expect(!run.book.all.contains { $0.name == "residual_dropped" })
        }

        @Test(
            "Trained values are compressed alike, each cloud holds the opening to its own adapters, and the release says it"
        )
        func trained() async throws {
            var plan = FederationRun.Plan(suite: .clear, updates: 3, evaluates: false)
            plan.configs[.publish] = """
                base: \(FederationRun.baseModel)
                base-name: tributary-base
                variables: \(FederationRun.repository)/configs/variables.yaml
                rounds: 3
                local-steps: 3
                batch-size: 8
                adapter: {rank: 4, alpha: 8, targets: [q_proj, v_proj]}
                minimum-cohort: 3
                deadline: 5m
                validate-every: 0
                test: false
                threads: 1
                bits: 5
                compression: {fraction: 0.2, error-feedback: 0.9}

                """
            let run = try FederationRun(plan)
            // One that is slow to take what the others have is no reason to send it more.
            run.pause(run.stage(.localTrain, "west"), at: "round_trained", round: 2)
            try run.startAll()
            _ = try await run.event("round_trained", of: run.stage(.localTrain, "west"), round: 2)
            run.resume(run.stage(.localTrain, "west"))
            let statuses = try await run.finish()
            #expect(statuses.values.allSatisfy { $0 == 0 }, "\(statuses)")
            #expect(!run.book.all.contains { $0.name == "opening_refused" })
            // The new values at the places were enough: nobody needed a whole adapter after the first.
            #expect(!run.book.all.contains { $0.name == "adapter_sent" || $0.name == "offer_not_needed" })
            let manifest = try ReleaseManifest(try run.read("\(run.releases)/latest/manifest.json"))
            let compression = try #require(manifest.method?.compression)
            #expect(compression.sent * 5 == (compression.values + 4) / 5 * 5 && compression.feedback == 0.9)
            #expect(compression.scales == .released && manifest.privacy.bits == 5)
            let card = String(decoding: try run.read("\(run.releases)/latest/README.md"), as: UTF8.self)
            #expect(
                card.contains("\(compression.sent) were sent") && card.contains("added to its next update, times 0.9"))
            let opened = run.book.all.last { $0.name == "round_opened" && $0.fields["purpose"] == "update" }
            #expect(opened?.fields["method"]?.contains("5 bits, scales of the last step") == true)
            #expect(ReleaseVerification.verify("\(run.releases)/latest").isSound)
        }

        @Test("A cloud that keeps nothing answers no opening that wants what is left out kept, and says why")
        func keepsNothing() async throws {
            var plan = FederationRun.Plan(suite: .clear, updates: 1, evaluates: false)
            plan.trainer = "none"
            plan.configs[.encrypt] = "limits: {keeps-residual: false}\n"
            plan.configs[.publish] = "values: 60\nrounds: 1\ndeadline: 120s\ntest: false\nvalidate-every: 0\n"
            let sound = try FederationRun(plan)
            try await sound.run()
            plan.configs[.publish]? += "compression: {}\n"
            let run = try FederationRun(plan)
            try run.startAll()
            let event = try await run.event("opening_refused", of: run.stage(.encrypt, "north"))
            #expect(event.fields["reason"]?.contains("limits.keeps-residual is false") == true)
        }
    }
}
