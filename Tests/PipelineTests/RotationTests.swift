import Encryption
import Federation
import Keys
import Publication
import Testing
import Topology

extension PipelineSuite {
    /// Another key of sums while the run goes on.
    @Suite("Rotation")
    struct RotationTests {
        private func keyOfRound(_ round: Int, _ run: FederationRun) async throws -> String? {
            try await run.event("round_opened", of: run.topology.publish, round: round).fields["key"]
        }

        private func check(_ run: FederationRun, first: String, second: String) async throws {
            let undisturbed = try await SharedRuns.paillier()
            let statuses = try await run.finish()
            #expect(statuses.values.allSatisfy { $0 == 0 }, "\(statuses)")
            #expect(first != second)
            var keys: [String?] = []
            for round in 1...4 { keys.append(try await keyOfRound(round, run)) }
            #expect(keys == [first, first, second, second])
            #expect(try run.adapter() == undisturbed.run.adapter())
            #expect(ReleaseVerification.verify("\(run.releases)/latest").isSound)
            #expect(try ReleaseManifest.Round.listed(in: run.releases).map(\.key) == keys)
        }

        @Test("A shared key is rotated between two update rounds, stages die before and after: the adapter is the same")
        func shared() async throws {
            let run = try FederationRun(SharedRuns.plan, keys: try await SharedRuns.paillier().run)
            let first = try run.sharedKey().id.description
            let (held, publish) = (run.stage(.encrypt, "east"), run.topology.publish)
            run.pause(held, at: "round_joined", round: 2)
            run.pause(run.stage(.encrypt, "north"), at: "round_joined", round: 3)
            try run.startAll()
            _ = try await run.event("round_joined", of: held, round: 2)
            let second = try run.addKeyOfSums(from: try await OpeningStand.keys.value)
            let said = try await run.shell("tributary rotate topology.yaml")
            #expect(said.contains("publish opens its next rounds with key 2, \(second)"), "\(said)")
            // Between the rotation and the opening that follows it; the round that is open is the old key's.
            try await run.killAndRestart(held)
            _ = try await run.event("round_joined", of: run.stage(.encrypt, "north"), round: 3)
            // Nothing is open under it any more.
            try run.removeKeyOfSums(1)
            try await run.killAndRestart(held)
            try await run.killAndRestart(publish)
            run.resume(run.stage(.encrypt, "north"))
            try await check(run, first: first, second: second.description)
        }

        @Test("A key that publish alone has is rotated; a choice that cannot be read leaves the earlier one in use")
        func ofPublish() async throws {
            let shared = try await SharedRuns.paillier().run
            var plan = SharedRuns.plan
            plan.keys = .publisher
            let run = try FederationRun(plan, keys: shared)
            let first = try PaillierPrivateKey(
                decoding: run.keys.paillierSecret(of: run.topology.publish.cloud)
            ).publicKey.id.description
            let held = run.stage(.encrypt, "east")
            run.pause(held, at: "round_joined", round: 1)
            run.pause(held, at: "round_joined", round: 2)
            try run.startAll()
            _ = try await run.event("round_joined", of: held, round: 1)
            try run.write(Array("no key\n".utf8), "\(run.topology.keysPath)/key-of-sums")
            run.resume(held)
            let refusal = try await run.event("rotation_refused", of: run.topology.publish)
            #expect(refusal.fields["reason"]?.contains("32 hexadecimal digits") ?? false, "\(refusal.line)")
            _ = try await run.event("round_joined", of: held, round: 2)
            let second = try run.addKeyOfSums(from: shared)
            try run.keys.chooseSumKey(second.bytes)
            run.resume(held)
            try await check(run, first: first, second: second.description)
        }

        @Test("A round whose key has been deleted is abandoned, and opened again with the chosen key")
        func deleted() async throws {
            let shared = try await SharedRuns.paillier().run
            var plan = SharedRuns.plan
            plan.keys = .publisher
            let run = try FederationRun(plan, keys: shared)
            let (held, publish) = (run.stage(.encrypt, "east"), run.topology.publish)
            run.pause(held, at: "round_joined", round: 2)
            try run.startAll()
            _ = try await run.event("round_joined", of: held, round: 2)
            let second = try run.addKeyOfSums(from: shared)
            try run.keys.chooseSumKey(second.bytes)
            try run.removeKeyOfSums(1)
            try await run.killAndRestart(publish)
            let abandoned = try await run.event("round_abandoned", of: publish, round: 2)
            #expect(abandoned.fields["reason"]?.contains("cannot open its sum any more") ?? false, "\(abandoned.line)")
            run.resume(held)
            #expect(try await keyOfRound(3, run) == second.description)
            #expect(try await run.finish().values.allSatisfy { $0 == 0 })
            #expect(ReleaseVerification.verify("\(run.releases)/latest").isSound)
        }

        @Test("A cloud without the key of a round sits it out and says why, whatever lies there, and joins the next")
        func lacking() async throws {
            let stand = try await OpeningStand()
            let (run, publisher) = (stand.run, stand.run.topology.publish.cloud)
            let other = try await SharedRuns.paillier().run
            let key = try other.sharedKey()
            func refuses(_ round: UInt32, under key: ThresholdPublicKey? = nil, _ reason: String) async throws {
                _ = try await stand.open(round, under: key, refused: true)
                let event = try await run.event("opening_refused", of: stand.encrypt, round: Int(round))
                #expect(event.fields["reason"]?.contains(reason) ?? false, "\(event.line)")
            }
            _ = try await stand.open(1)
            try await refuses(2, under: key, "no key of sums here has the id \(key.id)")
            try run.keys.storePaillierPublic(Array(repeating: 0xff, count: 200_000), number: 2, of: publisher)
            try await refuses(3, under: key, "not usable: key 2: ")
            try run.keys.storePaillierPublic(Array(key.text.utf8), number: 3, of: publisher)
            try await refuses(4, under: key, "key 3: ")
            // A share of another key.
            try run.keys.storeShare(try run.keys.share(of: stand.north), number: 3, of: stand.north)
            try await refuses(5, under: key, "key 3: ")
            _ = try await stand.open(6)
            try run.keys.storePaillierPublic(Array(key.text.utf8), number: 4, of: publisher)
            try run.addShare(4, of: stand.north, from: other)
            _ = try await stand.open(7, under: key)
            // The old one is still good, until it is taken away.
            _ = try await stand.open(8)
            try run.removeKeyOfSums(1)
            try await refuses(9, "no key of sums here has the id \(stand.key.id)")
            #expect(run.book.all.filter { $0.name == "stage_started" }.count == 1)
            // Put back, it is found by a stage that starts again, for the round that it had refused.
            try run.keys.storePaillierPublic(Array(stand.key.text.utf8), of: publisher)
            try run.addShare(1, of: stand.north, from: try await OpeningStand.keys.value)
            try await run.killAndRestart(stand.encrypt)
            _ = try await run.event("round_joined", of: stand.encrypt, round: 9)
        }

        @Test("Aggregate without the key of a round says why, and adds again once it has it")
        func aggregateLacking() async throws {
            let stand = try await Stand()
            let other = try PaillierPrivateKey.generate().publicKey
            _ = try await stand.open(1, under: other, event: "opening_refused")
            let refusal = try await stand.run.event("opening_refused", round: 1)
            #expect(refusal.fields["reason"]?.contains("\(other.id)") ?? false, "\(refusal.line)")
            _ = try await stand.open(2)
            try stand.run.keys.storePaillierPublic(
                Array(other.text.utf8), number: 2, of: stand.run.topology.publish.cloud)
            _ = try await stand.open(3, under: other)
            #expect(stand.isAlive)
        }
    }
}
