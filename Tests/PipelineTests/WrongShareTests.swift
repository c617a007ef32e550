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
            let (aggregate, publish) = (run.topology.aggregate, run.topology.publish)
            for held in [east, north] { run.pause(held, at: "contribution_receipted", round: Self.round) }
            try run.startAll()
            _ = try await run.event("share_made", of: west, round: Self.round)
            let pid = run.pid(of: east)
            run.signal(SIGKILL, to: east)
            _ = try await run.event("killed", of: east) { $0.fields["pid"] == "\(pid)" }

            // The test is east from here on, with its keys.
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
            let refused = try await run.event("share_refused", of: publish, round: Self.round)
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
    }
}
