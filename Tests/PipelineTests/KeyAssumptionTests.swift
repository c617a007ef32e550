import Encryption
import Federation
import Keys
import Publication
import Testing
import Topology

extension PipelineSuite {
    /// Where a user reads what a profile's secrecy rests on.
    @Suite("What keys rest on")
    struct KeyAssumptionTests {
        /// Help is wrapped to the terminal's width.
        private func help(_ command: String, _ run: FederationRun) async throws -> String {
            let (status, output, complaint) = try await run.command([command, "--help"])
            #expect(status == 0, "\(complaint)")
            return output.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        }

        @Test("`keys --help` says of every kind of key what it rests on, `deal --help` of those that clouds can share")
        func help() async throws {
            let run = try FederationRun(.init(suite: .clear))
            let (keys, deal, audit) = (
                try await help("keys", run), try await help("deal", run), try await help("audit", run)
            )
            for kind in PaillierKeyKind.all {
                let words = "\(kind): \(kind.assumption)."
                #expect(keys.contains(words))
                #expect(deal.contains(words) == (kind.structure == .safePrimes), "\(kind)")
                #expect(!audit.contains(kind.assumption))
            }
        }

        private func manifest(_ run: FederationRun) throws -> ReleaseManifest {
            try ReleaseManifest(try run.read("\(run.releases)/latest/manifest.json"))
        }

        @Test(
            "The manifest and the model card of a release say what the very key that its updates were sealed with rests on"
        )
        func manifests() async throws {
            let shared = try await SharedRuns.paillier().run
            let alone = try FederationRun(
                .init(keys: .publisher, updates: 1, steps: 1, evaluates: false))
            try await alone.run()
            let publisher = alone.topology.publish.cloud
            let secret = try PaillierPrivateKey(decoding: alone.keys.paillierSecret(of: publisher))
            let kinds = [try shared.sharedKey().paillier.kind, secret.publicKey.kind]
            #expect(kinds.map(\.structure) == [.safePrimes, .subgroups])
            for (run, (kind, mode)) in zip([shared, alone], zip(kinds, ["threshold", "publisher"])) {
                let privacy = try manifest(run).privacy
                #expect(privacy.suite == "paillier" && privacy.profile == "standard" && privacy.keyMode == mode)
                #expect(privacy.assumption == kind.assumption)
                let card = String(decoding: try run.read("\(run.releases)/latest/README.md"), as: UTF8.self)
                #expect(card.contains("| rests on | \(kind.assumption) |"))
            }
            let who = try [shared, alone].map { try manifest($0).privacy.whoCouldOpen }
            #expect(who[0].hasPrefix("any 2 of the 3 clouds together can open one cloud's update"))
            #expect(who[1] == "publish and aggregate together can open one cloud's update")
        }
    }
}
