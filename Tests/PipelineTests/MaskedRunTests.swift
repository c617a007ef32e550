import Aggregation
import Federation
import Foundation
import Glibc
import Keys
import Publication
import Sodium
import StageKit
import Testing
import Topology

extension PipelineSuite {
    /// Whole runs under `suite: secagg`, undisturbed and disturbed.
    @Suite("Masked runs")
    struct MaskedRunTests {
        @Test("A masked run publishes, bit for bit, what the same run in clear does, and says what protected it")
        func sameBytes() async throws {
            let masked = try await SharedRuns.secagg()
            #expect(masked.statuses.count == 11)
            #expect(masked.statuses.values.allSatisfy { $0 == 0 }, "\(masked.statuses)")
            #expect(try masked.run.adapter() == (try await SharedRuns.clear()).run.adapter())
            #expect(ReleaseVerification.verify("\(masked.run.releases)/latest").isSound)
            let manifest = try ReleaseManifest(try masked.run.read("\(masked.run.releases)/latest/manifest.json"))
            #expect(manifest.privacy.suite == "secagg")
            #expect(manifest.privacy.assumption.contains("Diffie-Hellman"))
            #expect(manifest.privacy.whoCouldOpen.hasPrefix("aggregate and publish together cannot"))
            // What aggregate kept can be added up anew by anybody.
            let audit = try Audit(
                EvidenceFolder("\(masked.run.topology.stateFolder(of: masked.run.topology.aggregate))/evidence/4"),
                publisher: masked.run.topology.publish, keys: { try masked.run.keys.card(of: $0).verifying },
                publicKey: { _ in nil }, arePartsProved: false, threads: 1)
            #expect(audit.isSound && audit.findings.count == 3, "\(audit.problems)")
            // Every purpose of round was masked.
            let agreed = masked.run.book.all.filter { $0.name == "masks_agreed" }.compactMap(\.round)
            let released = masked.run.book.all.filter { $0.name == "round_released" }
            #expect(Set(released.compactMap { $0.fields["purpose"] }) == ["statistics", "update", "evaluation"])
            #expect(Set(agreed) == Set(released.compactMap(\.round)))
        }

        // MARK: Rounds of values without a meaning

        /// Two update rounds of a thousand values.
        private func run(
            _ clouds: [String] = ["north", "west", "east"], suite: Suite = .secagg, rounds: Int = 2, quorum: Int = 3,
            deadline: String = "60s", keys: FederationRun? = nil
        ) throws -> FederationRun {
            try FederationRun(
                .init(
                    clouds: clouds, suite: suite,
                    plant: { tables in
                        // The generator knows three clouds; a fourth has the tables of one of them.
                        guard clouds.contains("south") else { return }
                        try FileManager.default.copyItem(atPath: "\(tables)/east", toPath: "\(tables)/south")
                    },
                    configs: [
                        .publish: """
                        values: 1000
                        rounds: \(rounds)
                        quorum: \(quorum)
                        deadline: \(deadline)
                        attempts: 5
                        end-grace: 1s
                        validate-every: 0
                        test: false
                        """
                    ], trainer: "none"), keys: keys)
        }

        /// What was released, in the order of rounds: who is in it, and the digest of the new values.
        private func releases(_ run: FederationRun) throws -> [(clouds: [String], values: String)] {
            let publish = run.topology.publish
            let journal = try run.journal(of: publish)
            let key = try run.keys.card(of: publish).verifying
            return try journal.read { try $0.all(Release.self, key: key, signer: publish) }.map {
                ($0.content.cohort.map(\.cloud.description), "\($0.content.adapterDigest?.description ?? "")")
            }
        }

        private func kill(_ stage: StageName, _ run: FederationRun) async throws {
            let pid = run.pid(of: stage)
            run.signal(SIGKILL, to: stage)
            _ = try await run.event("killed", of: stage) { $0.fields["pid"] == "\(pid)" }
        }

        @Test("A cloud that is killed after it has masked drops out: the others' sum is exact, in the next round too")
        func dropout() async throws {
            var found: [[(clouds: [String], values: String)]] = []
            var first: FederationRun?
            for suite in [Suite.secagg, .clear] {
                let run = try run(["north", "west", "east", "south"], suite: suite, deadline: "8s", keys: first)
                first = run
                let victim = run.stage(.encrypt, "south")
                // It agrees on masks and has nothing to contribute, as its trainer is not there.
                for stage in run.stages where stage != run.stage(.localTrain, "south") { try run.start(stage) }
                if suite == .secagg {
                    let agreed = try await run.event("masks_agreed", of: run.topology.aggregate, round: 1)
                    #expect(agreed.fields["cohort"]?.contains("south") == true)
                } else {
                    _ = try await run.event("round_joined", of: victim, round: 1)
                }
                try await kill(victim, run)
                _ = try await run.event("run_finished", of: run.topology.publish)
                found.append(try releases(run))
                #expect(!run.book.all.contains { $0.name == "round_abandoned" })
            }
            #expect(found[0].count == 2)
            #expect(found[0].allSatisfy { $0.clouds == ["east", "north", "west"] })
            #expect(found[0].map(\.values) == found[1].map(\.values))
            #expect(Set(found[0].map(\.values)).count == 2)
        }

        /// Who is killed, and after which event of round 1.
        struct Kill: Sendable, CustomTestStringConvertible {
            let stage: StageKind
            let event: String
            let of: StageKind
            /// What becomes of the round; nil where that depends on the instant.
            var goesOn: Bool? = false
            /// All have contributed; one of the others has still to consent.
            var isLate: Bool { event == "round_closed" }
            var testDescription: String { "\(stage) after \(event) of \(of)" }
        }

        static let kills = [
            Kill(stage: .encrypt, event: "round_joined", of: .encrypt),
            Kill(stage: .encrypt, event: "masks_agreed", of: .aggregate),
            Kill(stage: .encrypt, event: "contribution_counted", of: .aggregate),
            Kill(stage: .aggregate, event: "round_joined", of: .aggregate, goesOn: true),
            Kill(stage: .aggregate, event: "masks_roster", of: .aggregate, goesOn: true),
            Kill(stage: .aggregate, event: "masks_agreed", of: .aggregate, goesOn: true),
            Kill(stage: .aggregate, event: "contribution_counted", of: .aggregate, goesOn: true),
            Kill(stage: .publish, event: "round_joined", of: .aggregate),
            Kill(stage: .publish, event: "masks_agreed", of: .aggregate),
            Kill(stage: .publish, event: "contribution_counted", of: .aggregate),
            Kill(stage: .encrypt, event: "round_closed", of: .aggregate, goesOn: nil),
            Kill(stage: .aggregate, event: "round_closed", of: .aggregate, goesOn: true),
            Kill(stage: .publish, event: "round_closed", of: .aggregate),
        ]

        @Test(
            "Whoever is killed in the middle of a masked round: it is finished or opened again, and the run goes on",
            arguments: kills)
        func kill(_ kill: Kill) async throws {
            let run = try run()
            let (held, silent) = (run.stage(.localTrain, "west"), run.stage(.encrypt, "east"))
            // The round cannot end before the kill: one contribution is missing, or one consent.
            if kill.isLate { run.pause(silent, at: "contribution_receipted", round: 1) }
            for stage in run.stages.sorted(by: { $0.kind > $1.kind }) where stage != held { try run.start(stage) }
            if kill.isLate {
                _ = try await run.event("contribution_receipted", of: silent, round: 1)
                try run.start(held)
            }
            let victim =
                switch kill.stage {
                case .encrypt: run.stage(.encrypt, "north")
                case .aggregate: run.topology.aggregate
                default: run.topology.publish
                }
            _ = try await run.event(kill.event, of: kill.of == .encrypt ? victim : run.topology.aggregate) {
                $0.round == 1 && (kill.event != "contribution_counted" || $0.fields["from"] == "north")
            }
            try await run.killAndRestart(victim)
            if kill.isLate { run.resume(silent) } else { try run.start(held) }
            let statuses = try await run.finish()
            #expect(statuses.values.allSatisfy { $0 == 0 }, "\(statuses)")
            let abandoned = run.book.all.filter { $0.name == "round_abandoned" }
            if let goesOn = kill.goesOn { #expect(abandoned.count == (goesOn ? 0 : 1), "\(abandoned.map(\.line))") }
            #expect(abandoned.count <= 1)
            if kill.stage == .encrypt, !kill.isLate {
                #expect(abandoned.first?.fields["missing"]?.contains("north") == true)
                #expect(run.book.all.contains { $0.stage == victim && $0.name == "masks_lost" })
            }
            let released = try releases(run)
            #expect(released.map(\.clouds) == Array(repeating: ["east", "north", "west"], count: 2))
            // Nobody has sealed two vectors of one round.
            for cloud in ["north", "west", "east"] {
                let sealed = run.book.all.filter {
                    $0.name == "contribution_sealed" && $0.stage.cloud.description == cloud
                }.compactMap(\.round)
                #expect(Set(sealed).count == sealed.count)
            }
            guard kill.goesOn == true else { return }
            let undisturbed = try self.run(keys: run)
            try await undisturbed.run()
            #expect(try releases(undisturbed).map(\.values) == released.map(\.values))
        }
    }
}
