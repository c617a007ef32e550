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

        @Test(
            "A share of another round, opening, cloud or sum is refused with a reason of its own, and the run goes on")
        func misplaced() async throws {
            let undisturbed = try await SharedRuns.paillier()
            let run = try FederationRun(SharedRuns.plan, keys: undisturbed.run)
            let clouds = ["east", "north", "west"].map { run.stage(.encrypt, $0) }
            let publish = run.topology.publish
            for held in clouds.prefix(2) { run.pause(held, at: "contribution_receipted", round: Self.round) }
            try run.startAll()
            _ = try await run.event("share_made", of: clouds[2], round: Self.round)
            let pid = run.pid(of: clouds[0])
            run.signal(SIGKILL, to: clouds[0])
            _ = try await run.event("killed", of: clouds[0]) { $0.fields["pid"] == "\(pid)" }
            let east = try ShareForger(clouds[0], in: run)
            // Whoever has just subscribed is beaten to at once: a receipt before that would be lost.
            _ = try await east.stage.message("publish's beat") { $0.kind == .beat }

            let other = Digest(of: Array("another opening".utf8))
            let refusals: [(ShareForger.Change, String)] = [
                (.round(3), "round 3 is not open, round 2 is"),
                // What an earlier round's share says of itself, under this round's name.
                (.opening(other), "it answers another opening"),
                (.cloud("north"), "\(clouds[0]) may not send"),
                (.length, "bytes, a share of round 2 has"),
            ]
            for (change, reason) in refusals {
                let digest = try east.send(change)
                let receipt = try await east.receipt(of: digest)
                #expect(receipt.outcome == .refused && receipt.reason.contains(reason), "\(receipt.reason)")
            }
            // What is right but for the sum is taken as far as its check.
            _ = try east.send(.sum(other))
            let refused = try await run.event("share_refused", of: publish, round: Self.round)
            #expect(refused.fields["reason"]?.contains("east opened another sum") ?? false, "\(refused.line)")
            #expect(!run.book.all.contains { $0.name == "round_released" && $0.round == Self.round })
            east.stage.post.stop()

            run.resume(clouds[1])
            _ = try await run.event("round_released", of: publish, round: Self.round)
            try run.start(clouds[0])
            let statuses = try await run.finish()
            #expect(statuses.values.allSatisfy { $0 == 0 }, "\(statuses)")
            #expect(try run.adapter() == undisturbed.run.adapter())
        }

        /// The test is `east` from here on, with its keys: sends publish a share of the right length, and waits for its refusal.
        private func sendWrongShare(
            as east: StageName, in run: FederationRun
        ) async throws -> (ScriptedStage, refused: StageEvent) {
            let forger = try ShareForger(east, in: run)
            _ = try forger.send(.nothing)
            return (
                forger.stage, try await run.event("share_refused", of: run.topology.publish, round: Self.round)
            )
        }
    }
}

/// A test in the place of a cloud's encrypt stage, with its keys, that sends publish shares of the opening of the round that aggregate has
/// kept last: garbage of the right length, with garbage for a proof.
struct ShareForger {
    /// What else is wrong with it.
    enum Change {
        case nothing, length
        case round(UInt32)
        case opening(Digest)
        case sum(Digest)
        case cloud(String)
    }

    let stage: ScriptedStage
    private let run: FederationRun
    private let opening: Signed<Opening>
    private let sum: Digest
    private let scheme: RoundScheme
    private let proofByteCount: Int

    init(_ maker: StageName, in run: FederationRun) throws {
        self.run = run
        let (aggregate, publish) = (run.topology.aggregate, run.topology.publish)
        let folder = "\(run.topology.stateFolder(of: aggregate))/evidence"
        let evidence = EvidenceShelf(path: folder).folder(RoundNumber(UInt32(PipelineSuite.WrongShareTests.round)))
        opening = try evidence.opening(key: run.keys.card(of: publish).verifying, signer: publish)
        sum = try evidence.record().sum
        let key = try run.sharedKey()
        scheme = try RoundScheme(opening.content, key: key.paillier)
        let verifier = OpeningVerifier(key: key, layout: opening.content.layout, slots: scheme.slots)
        proofByteCount = verifier.proofByteCount
        let whole = try PostPlan(topology: run.topology, keys: run.keys, stage: maker)
        stage = try ScriptedStage(
            maker, in: run,
            plan: PostPlan(
                stage: maker, hub: nil, dials: whole.dials.filter { $0.hub == publish },
                curvePublic: whole.curvePublic, curveSecret: whole.curveSecret))
    }

    /// The digest of what was sent: new each time, as receipts are told by it.
    func send(_ change: Change) throws -> Digest {
        var row = try scheme.scheme.seal(
            [UInt32](repeating: 1, count: opening.content.layout.count), threads: 1)
        var (name, answered, opened) = (
            TransferName(
                run: run.topology.run, kind: .share, round: opening.content.round, cloud: stage.stage.cloud),
            opening.digest, sum
        )
        switch change {
        case .nothing: break
        case .length: row.append(0)
        case .round(let round):
            name = TransferName(run: name.run, kind: .share, round: RoundNumber(round), cloud: name.cloud)
        case .opening(let other): answered = other
        case .sum(let other): opened = other
        case .cloud(let cloud):
            name = TransferName(run: name.run, kind: .share, round: name.round, cloud: try CloudName(cloud))
        }
        let digest = Digest(ofContent: row)
        let about = ShareAbout(
            opening: answered, sum: opened, proof: [UInt8](repeating: 1, count: proofByteCount))
        let offer = Signed(
            Offer(name: name, maker: stage.stage, byteCount: row.count, digest: digest, about: about.value),
            by: stage.signing)
        precondition(offer.content.chunkCount == 1)
        stage.post.push(
            WireMessage(
                .offer, from: stage.stage, epoch: 2, document: offer.bytes, signature: offer.signature.bytes,
                bulk: row),
            to: run.topology.publish)
        return digest
    }

    func receipt(of digest: Digest) async throws -> Receipt {
        func receipt(in message: WireMessage) -> Receipt? {
            guard message.kind == .receipt, let value = try? decodeDocument(message.document) else { return nil }
            return try? Receipt(value)
        }
        let message = try await stage.message("a receipt") { receipt(in: $0)?.digest == digest }
        return try Receipt(decodeDocument(message.document))
    }
}
