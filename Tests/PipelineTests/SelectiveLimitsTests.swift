import Aggregation
import Federation
import Foundation
import Glibc
import Keys
import Sodium
import StageKit
import Testing
import Topology

extension PipelineSuite {
    /// What clouds and publish refuse where not all is to be encrypted, and what outlives a restart.
    @Suite("Agreeing on what is not encrypted")
    struct SelectiveLimitsTests {
        @Test("A cloud that has not agreed answers neither a part in clear nor the round that would choose it")
        func refused() async throws {
            let stand = try await OpeningStand()
            let mask = try ValueMask(places: 0..<20, of: OpeningStand.values)
            func reason(_ round: UInt32, _ purpose: Purpose, _ encryption: PartialEncryption?, _ stand: OpeningStand)
                async throws -> String
            {
                _ = try await stand.open(round, refused: true, purpose: purpose, encryption: encryption)
                let event = try await stand.run.event("opening_refused", of: stand.encrypt, round: Int(round))
                return event.fields["reason"] ?? ""
            }
            #expect(try await reason(1, .sensitivity, nil, stand).contains("limits.minimum-fraction is 1"))
            #expect(
                try await reason(2, .update, .selective(mask, noise: 9), stand).contains(
                    "it would encrypt 0.5 of the values, this cloud's limits.minimum-fraction is 1"))
            #expect(try await reason(3, .update, .literal(omega: 0.999), stand).contains("limits.literal is false"))
            // The same clouds answer where all is encrypted.
            _ = try await stand.open(4)

            let limits = "threads: 1\nlimits: {minimum-cohort: 3, minimum-fraction: 0.5, minimum-noise: 1}\n"
            let open = try await OpeningStand(.init(configs: [.encrypt: limits]))
            _ = try await open.open(1, purpose: .sensitivity)
            _ = try await open.open(2, encryption: .selective(mask, noise: 1))
            let fewer = try ValueMask(places: 0..<19, of: OpeningStand.values)
            #expect(try await reason(3, .update, .selective(fewer, noise: 1), open).contains("0.475 of the values"))
            #expect(
                try await reason(4, .update, .selective(mask, noise: 0.99), open).contains(
                    "limits.minimum-noise is 1.0"))
            #expect(try await reason(5, .update, .literal(omega: 0.5), open).contains("hides nothing"))
        }

        @Test("Fresh noise on the same values is given so often and no more, whatever a publish abandons")
        func averaging() async throws {
            let limits =
                "threads: 1\nlimits: {minimum-cohort: 3, minimum-fraction: 0.5, minimum-noise: 1, answers-in-clear: 2}\n"
            let stand = try await OpeningStand(.init(configs: [.encrypt: limits]))
            let mask = try ValueMask(places: 0..<20, of: OpeningStand.values)
            var payloads: [[UInt8]] = []
            for round in 1...2 as ClosedRange<UInt32> {
                let opening = try await stand.open(round, encryption: .selective(mask, noise: 1))
                payloads.append(try await stand.contributionOfNorth(to: opening).payload)
            }
            // 20 values of 14 bits behind the ciphertext; of the same vector, and never the same.
            let clear = payloads.map { Array($0.suffix(35)) }
            #expect(clear[0] != clear[1])
            _ = try await stand.open(3, refused: true, encryption: .selective(mask, noise: 1))
            let event = try await stand.run.event("opening_refused", of: stand.encrypt, round: 3)
            #expect(event.fields["reason"]?.contains("limits.answers-in-clear is 2") == true, "\(event.line)")
            // What is encrypted whole can be asked for again.
            _ = try await stand.open(4)
        }

        @Test("Where publish opens alone too, and a restart between rounds keeps the mask")
        func restart() async throws {
            let run = try FederationRun(
                .init(
                    keys: .publisher,
                    configs: [
                        .publish: """
                        values: 3000
                        rounds: 3
                        range: 1
                        clip-norm: 10
                        minimum-cohort: 3
                        validate-every: 0
                        test: false
                        encryption: {formula: selective, fraction: 0.1, noise: 0.5}
                        """,
                        .encrypt: "threads: 1\nlimits: {minimum-cohort: 3, minimum-fraction: 0.1}\n",
                        .aggregate: "threads: 1\nevidence-rounds: 10\n",
                    ], trainer: "none"))
            try run.startAll()
            let publish = run.topology.publish
            _ = try await run.event("mask_chosen", of: publish, round: 1)
            _ = try await run.event("round_opened", of: publish, round: 2)
            try await run.killAndRestart(publish)
            let statuses = try await run.finish()
            #expect(statuses.values.allSatisfy { $0 == 0 })
            let key = try run.keys.card(of: publish).verifying
            let masks = try [2, 3, 4].map { round -> ValueMask in
                let opening = try EvidenceFolder(
                    "\(run.topology.stateFolder(of: run.topology.aggregate))/evidence/\(round)"
                ).opening(key: key, signer: publish).content
                guard case .selective(let mask, _) = opening.encryption else {
                    throw FederationRun.Failure(description: "round \(round) encrypts everything")
                }
                return mask
            }
            #expect(masks[0].count == 300 && Set(masks).count == 1)
            #expect(run.book.all.filter { $0.name == "mask_chosen" }.count == 1)
        }

        @Test("A plan whose encryption was changed in the middle of the run is refused")
        func changed() async throws {
            let publish = """
                values: 3000
                rounds: 2
                range: 1
                minimum-cohort: 3
                validate-every: 0
                test: false

                """
            let run = try FederationRun(
                .init(keys: .publisher, configs: [.publish: publish], trainer: "none"))
            try run.startAll()
            _ = try await run.event("round_released", of: run.topology.publish, round: 1)
            let pid = run.pid(of: run.topology.publish)
            run.signal(SIGKILL, to: run.topology.publish)
            _ = try await run.event("killed", of: run.topology.publish) { $0.fields["pid"] == "\(pid)" }
            let encryption = "encryption: {formula: selective, fraction: 0.1, noise: 0.5}\n"
            try run.write(Array((publish + encryption).utf8), "\(run.root)/publish.yaml")
            try run.start(run.topology.publish)
            let end = await run.book.first(within: 30) { $0.name == "exited" && $0.stage == run.topology.publish }
            #expect(end?.fields["status"] == "78")
            let told = "changed to `formula: selective` in the middle of the run"
            #expect(run.book.all.contains { $0.line.contains(told) })
        }

        @Test(
            "Publish does not start on a plan that cannot be",
            arguments: [
                ("{formula: selective, fraction: 0.1, noise: 0.5}", Suite.clear, "needs `suite: paillier`"),
                ("{formula: selective, fraction: 0.1, noise: 5000}", .paillier, "raise `range`"),
                ("{formula: selective, fraction: 0.1}", .paillier, "needs `noise` above 0"),
            ])
        func badPlan(encryption: String, suite: Suite, reason: String) async throws {
            let run = try FederationRun(
                .init(
                    suite: suite,
                    configs: [
                        .publish: """
                        values: 3000
                        rounds: 1
                        clip-norm: 1
                        minimum-cohort: 3
                        validate-every: 0
                        test: false
                        encryption: \(encryption)
                        """
                    ]), keys: try await OpeningStand.keys.value)
            try run.start(run.topology.publish)
            let end = await run.book.first(within: 30) { $0.name == "exited" }
            #expect(end?.fields["status"] == "78")
            #expect(run.book.all.contains { $0.line.contains(reason) }, "\(run.book.all.map(\.line))")
        }
    }
}
