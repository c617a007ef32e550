import Encryption
import Federation
import Foundation
import Keys
import Sodium
import StageKit
import Testing
import Topology

extension PipelineSuite {
    /// Stages' keys that are renewed and revoked while a federation runs.
    @Suite("Keys of stages")
    struct StageKeyTests {
        static let renewed: [(StageKind, String)] = [
            (.ingest, "west"), (.localTrain, "north"), (.encrypt, "north"), (.aggregate, "office"),
            (.publish, "office"),
        ]
        static let round = 3

        @Test(
            "A stage's keys are renewed in the middle of a round and the old ones revoked; the adapter is the same",
            arguments: renewed)
        func rotated(_ kind: StageKind, _ cloud: String) async throws {
            let undisturbed = try await SharedRuns.paillier()
            let run = try FederationRun(SharedRuns.plan, keys: undisturbed.run)
            // Keeps the round open until the new keys are in use, and the next one until the old ones are revoked.
            let held = run.stage(.encrypt, "east")
            run.pause(held, at: "contribution_receipted", round: Self.round - 1)
            run.pause(held, at: "contribution_receipted", round: Self.round)
            try run.startAll()
            _ = try await run.event("contribution_counted", of: run.topology.aggregate) {
                $0.round == Self.round && $0.fields["from"] == "north"
            }
            let stage = run.stage(kind, cloud)
            let others = run.stages.filter { $0 != stage && $0 != held }
            #expect(try run.keys.renew(stage) == 2)
            for other in others { _ = try await run.event("key_added", of: other) { $0.fields["of"] == "\(stage)" } }
            try await run.replace(stage)
            _ = try await run.event("stage_started", of: stage) { $0.fields["epoch"] == "2" }
            run.resume(held)
            _ = try await run.event("round_released", of: run.topology.publish, round: Self.round)
            try run.keys.revoke(try run.keys.card(of: stage), reason: "rotated")
            for other in others {
                _ = try await run.event("key_revoked", of: other) {
                    $0.fields["of"] == "\(stage)" && $0.fields["reason"] == "rotated"
                }
            }
            run.resume(held)
            #expect(try await run.finish().values.allSatisfy { $0 == 0 })
            #expect(try run.adapter() == undisturbed.run.adapter())
            #expect(!run.book.all.contains { $0.name == "round_abandoned" })
        }

        @Test("A revoked stage is refused within the run, without a restart; the round closes without it")
        func revoked() async throws {
            let stand = try await Stand()
            let aggregate = stand.run.topology.aggregate
            // The control: until then it contributes.
            let first = try await stand.open(1)
            for (index, cloud) in ["north", "west", "east"].enumerated() {
                try await contribute(stand, first, cloud, UInt32(index))
            }
            _ = try await stand.sum(of: first)
            stand.release(first)

            let north = try stand.cloud("north").stage
            let second = try await stand.open(2, quorum: 2, seconds: 10)
            try stand.run.keys.revoke(try stand.run.keys.card(of: north), reason: "stolen")
            _ = try await stand.run.event("key_revoked", of: aggregate) {
                $0.fields["of"] == "\(north)" && $0.fields["reason"] == "stolen"
            }
            let payload = try stand.seal(Stand.values(7), for: second)
            let offer = try stand.offer(payload, for: second, of: "north")
            try stand.send(offer, payload, from: "north")
            _ = try await stand.run.event("handshake_refused", of: aggregate) {
                $0.fields["reason"]?.contains("of north/encrypt is revoked: stolen") ?? false
            }
            try await contribute(stand, second, "west", 1)
            try await contribute(stand, second, "east", 2)
            #expect(try await stand.sum(of: second).parts == ["east", "west"])
            let counted = stand.run.book.all.filter { $0.name == "contribution_counted" && $0.round == 2 }
            #expect(counted.allSatisfy { $0.fields["from"] != "north" })
            #expect(stand.isAlive)
        }

        @Test("What a revoked key has signed is believed no more, even when it comes by a key that counts")
        func signatures() async throws {
            let stand = try await Stand()
            let aggregate = stand.run.topology.aggregate
            let opening = try await stand.open(1)
            let north = try stand.cloud("north")
            #expect(try stand.run.keys.renew(north.stage) == 2)
            _ = try await stand.run.event("key_added", of: aggregate)
            let whole = try PostPlan(topology: stand.run.topology, keys: stand.run.keys, stage: north.stage)
            let next = try ScriptedStage(
                north.stage, in: stand.run,
                plan: PostPlan(
                    stage: north.stage, hub: nil, dials: whole.dials.filter { $0.hub == aggregate },
                    curvePublic: whole.curvePublic, curveSecret: whole.curveSecret))
            defer { next.post.stop() }
            _ = try await next.message("aggregate's beat") { $0.kind == .beat }
            let payload = try stand.seal(Stand.values(0), for: opening)
            let offer = try stand.offer(payload, for: opening, of: "north")
            // Another payload under the same name: only its answer can tell that it was believed.
            let forged = try stand.offer(
                try stand.seal(Stand.values(1), for: opening), for: opening, of: "north", weight: 2)
            func push(_ offer: Signed<Offer>) {
                next.post.push(
                    WireMessage(
                        .offer, from: north.stage, epoch: 2, document: offer.bytes, signature: offer.signature.bytes,
                        bulk: payload), to: aggregate)
            }
            // The control: in the overlap the old signature is good; what it says is not.
            push(forged)
            _ = try await stand.run.event("offer_refused", of: aggregate) {
                $0.fields["reason"]?.contains("claims weight 2") ?? false
            }
            try stand.run.keys.revoke(try stand.run.keys.card(of: north.stage), reason: "rotated")
            _ = try await stand.run.event("key_revoked", of: aggregate)
            push(offer)
            _ = try await stand.run.event("message_refused", of: aggregate) {
                $0.fields["reason"]?.contains("the signature is not one of north/encrypt's key") ?? false
            }
            push(offer.signed(anew: try stand.run.keys.signingKey(of: north.stage, number: 2)))
            _ = try await stand.run.event("contribution_counted", of: aggregate) { $0.fields["from"] == "north" }
            #expect(stand.isAlive)
        }

        private func contribute(_ stand: Stand, _ opening: Signed<Opening>, _ cloud: String, _ seed: UInt32)
            async throws
        {
            let payload = try stand.seal(Stand.values(seed), for: opening)
            let offer = try stand.offer(payload, for: opening, of: cloud)
            try stand.send(offer, payload, from: cloud)
            #expect(try await stand.receipt(of: offer, to: cloud).outcome == .durable)
        }
    }
}
