import Aggregation
import Encryption
import Federation
import Glibc
import Keys
import Publication
import Sodium
import StageKit
import Testing
import Topology

extension PipelineSuite {
    /// A cloud that sends publish something else than its share of the opening.
    @Suite("Wrong shares")
    struct WrongShareTests {
        static let round = 2

        @Test("Publish names a cloud that sends a wrong share, and opens the sum with the others'")
        func named() async throws {
            let undisturbed = try await SharedRuns.paillier()
            let run = try FederationRun(SharedRuns.plan, keys: undisturbed.run)
            let (east, north, west) = (
                run.stage(.encrypt, "east"), run.stage(.encrypt, "north"), run.stage(.encrypt, "west")
            )
            let publish = run.topology.publish
            for held in [east, north] { run.pause(held, at: "contribution_receipted", round: Self.round) }
            try run.startAll()
            _ = try await run.event("share_made", of: west, round: Self.round)
            let pid = run.pid(of: east)
            run.signal(SIGKILL, to: east)
            _ = try await run.event("killed", of: east) { $0.fields["pid"] == "\(pid)" }

            let (scripted, refused) = try await sendWrongShare(as: east, in: run)
            #expect(refused.fields["from"] == "east")
            #expect(refused.fields["reason"]?.contains("party 1") ?? false, "\(refused.line)")
            #expect(!run.book.all.contains { $0.name == "round_released" && $0.round == Self.round })
            scripted.post.stop()

            run.resume(north)
            _ = try await run.event("round_released", of: publish, round: Self.round)
            try run.start(east)
            let statuses = try await run.finish()
            #expect(statuses.values.allSatisfy { $0 == 0 }, "\(statuses)")
            #expect(try run.adapter() == undisturbed.run.adapter())
            #expect(ReleaseVerification.verify("\(run.releases)/latest").isSound)
        }

        @Test("Under one key that all clouds have, publish refuses a wrong share and opens with the next cloud's alone")
        func oneKeyOfAll() async throws {
            let undisturbed = try await SharedRuns.paillier()
            var plan = SharedRuns.plan
            plan.keys = .clouds
            let run = try FederationRun(plan, keys: undisturbed.run)
            let clouds = ["east", "north", "west"].map { run.stage(.encrypt, $0) }
            let publish = run.topology.publish
            for held in clouds { run.pause(held, at: "contribution_receipted", round: Self.round) }
            try run.startAll()
            _ = try await run.event("round_closed", of: run.topology.aggregate, round: Self.round)
            let pid = run.pid(of: clouds[0])
            run.signal(SIGKILL, to: clouds[0])
            _ = try await run.event("killed", of: clouds[0]) { $0.fields["pid"] == "\(pid)" }
            let (scripted, refused) = try await sendWrongShare(as: clouds[0], in: run)
            #expect(refused.fields["from"] == "east")
            #expect(!run.book.all.contains { $0.name == "round_released" && $0.round == Self.round })
            scripted.post.stop()

            // North's share is enough: west is still held.
            run.resume(clouds[1])
            _ = try await run.event("round_released", of: publish, round: Self.round)
            #expect(
                !run.book.all.contains { $0.name == "share_made" && $0.stage == clouds[2] && $0.round == Self.round })
            run.resume(clouds[2])
            try run.start(clouds[0])
            let statuses = try await run.finish()
            #expect(statuses.values.allSatisfy { $0 == 0 }, "\(statuses)")
            #expect(try run.adapter() == undisturbed.run.adapter())
            let release = ReleaseVerification.verify("\(run.releases)/latest")
            #expect(release.isSound)
            let manifest = String(decoding: try run.read("\(run.releases)/latest/manifest.json"), as: UTF8.self)
            #expect(manifest.contains("any one of the 3 clouds alone can open another cloud's update"))
        }

        /// The test is `east` from here on, with its keys: sends publish a share of the right length, and waits for its refusal.
        private func sendWrongShare(
            as east: StageName, in run: FederationRun
        ) async throws -> (ScriptedStage, refused: StageEvent) {
            let (aggregate, publish) = (run.topology.aggregate, run.topology.publish)
            let folder = "\(run.topology.stateFolder(of: aggregate))/evidence"
            let evidence = EvidenceShelf(path: folder).folder(RoundNumber(UInt32(Self.round)))
            let opening = try evidence.opening(key: run.keys.card(of: publish).verifying, signer: publish)
            let key = try run.sharedKey()
            let scheme = try RoundScheme(opening.content, key: key.paillier)
            let row = try scheme.scheme.seal(
                [UInt32](repeating: 1, count: opening.content.layout.count), threads: 1)
            let verifier = OpeningVerifier(key: key, layout: opening.content.layout, slots: scheme.slots)
            let whole = try PostPlan(topology: run.topology, keys: run.keys, stage: east)
            let scripted = try ScriptedStage(
                east, in: run,
                plan: PostPlan(
                    stage: east, hub: nil, dials: whole.dials.filter { $0.hub == publish },
                    curvePublic: whole.curvePublic, curveSecret: whole.curveSecret))
            let offer = Signed(
                Offer(
                    name: TransferName(
                        run: run.topology.run, kind: .share, round: opening.content.round, cloud: east.cloud),
                    maker: east, byteCount: row.count, digest: Digest(ofContent: row),
                    about: ShareAbout(
                        opening: opening.digest, sum: try evidence.record().sum,
                        proof: [UInt8](repeating: 1, count: verifier.proofByteCount)
                    ).value), by: scripted.signing)
            #expect(offer.content.chunkCount == 1)
            scripted.post.push(
                WireMessage(
                    .offer, from: east, epoch: 2, document: offer.bytes, signature: offer.signature.bytes, bulk: row),
                to: publish)
            return (scripted, try await run.event("share_refused", of: publish, round: Self.round))
        }
    }
}
