import BigInteger
import Encryption
import Federation
import Keys
import Sodium
import StageKit
import Testing
import Topology
import ZeroMQ

extension PipelineSuite {
    /// A real aggregate process and everything that an encrypt stage, or a stranger, could do to it.
    @Suite("A hostile wire")
    struct HostileWireTests {
        /// Honest contributions of all three clouds make the round close with their exact sum.
        private func closes(_ stand: Stand, _ opening: Signed<Opening>, clouds: [String] = ["north", "west", "east"])
            async throws
        {
            var expected = [UInt64](repeating: 0, count: 64)
            for (index, cloud) in clouds.enumerated() {
                let values = Stand.values(UInt32(index))
                for place in expected.indices { expected[place] += UInt64(values[place]) }
                let payload = try stand.seal(values, for: opening)
                let offer = try stand.offer(payload, for: opening, of: cloud)
                try stand.send(offer, payload, from: cloud)
                #expect(try await stand.receipt(of: offer, to: cloud).outcome == .durable)
            }
            let sum = try await stand.sum(of: opening)
            #expect(sum.parts == clouds.sorted())
            #expect(sum.values == expected)
            #expect(stand.isAlive)
        }

        private func refused(_ stand: Stand, _ text: String, event: String = "message_refused") async throws {
            _ = try await stand.run.event(event, of: stand.run.topology.aggregate) {
                $0.fields["reason"]?.contains(text) ?? false
            }
        }

        @Test("Offers that do not answer the open round are refused with the reason, and the round still closes")
        func offers() async throws {
            let stand = try await Stand()
            // One round that ends with nothing in it, and one that closes.
            let empty = try await stand.open(1)
            stand.release(empty)
            let first = try await stand.open(2)
            try await closes(stand, first)
            stand.release(first)
            let opening = try await stand.open(3)
            let (unsent, old) = (
                try stand.seal(Stand.values(0), for: empty), try stand.seal(Stand.values(0), for: first)
            )
            let payload = try stand.seal(Stand.values(0), for: opening)
            // Sealed anew each time: a receipt is told by its digest.
            func sealed() throws -> [UInt8] { try stand.seal(Stand.values(0), for: opening) }
            let (named, keyed, weighted, long) = (try sealed(), try sealed(), try sealed(), try sealed() + [0])
            let narrow = try sealed()
            let cases: [(Signed<Offer>, [UInt8], String)] = [
                // To rounds that are over: one that west sent nothing to, and one that has other bytes of it; then the same under
                // the new round's name.
                (try stand.offer(unsent, for: empty, of: "west"), unsent, "round 1 is over, round 3 is open"),
                (try stand.offer(old, for: first, of: "west"), old, "was received with another digest"),
                (try stand.offer(old, for: first, of: "north", round: 3), old, "it answers another opening of round 3"),
                (
                    try stand.offer(named, for: opening, of: "north", name: "west"), named,
                    "contributes for north alone, not for west"
                ),
                (
                    try stand.offer(keyed, for: opening, of: "north", keyID: [UInt8](repeating: 1, count: 16)), keyed,
                    "another suite, key, profile or s"
                ),
                (
                    try stand.offer(narrow, for: opening, of: "north", room: 2), narrow,
                    "its slots are for 2 values of 12 bits"
                ),
                (try stand.offer(weighted, for: opening, of: "north", weight: 2), weighted, "claims weight 2"),
                (try stand.offer(long, for: opening, of: "north"), long, "bytes, round 3 takes"),
            ]
            for (offer, payload, reason) in cases {
                try stand.send(offer, payload, from: offer.content.maker.cloud.description)
                let receipt = try await stand.receipt(of: offer, to: offer.content.maker.cloud.description)
                #expect(receipt.outcome == .refused)
                #expect(receipt.reason.contains(reason), "\(receipt.reason)")
            }
            // Another run's name does not get as far as a receipt.
            let elsewhere = try stand.offer(payload, for: opening, of: "north", run: RunName("elsewhere"))
            try stand.send(elsewhere, payload, from: "north")
            try await refused(stand, "offers what north/encrypt made in run elsewhere")
            try await closes(stand, opening)
            // And the round that is closed takes nothing more.
            let late = try stand.seal(Stand.values(9), for: opening)
            let offer = try stand.offer(late, for: opening, of: "north")
            try stand.send(offer, late, from: "north")
            #expect(try await stand.receipt(of: offer, to: "north").outcome == .refused)
        }

        @Test("Forged signatures, another cloud's name and unasked chunks change nothing")
        func forgeries() async throws {
            let stand = try await Stand()
            // The control: what comes below, unspoiled.
            let control = try await stand.open(1)
            try await closes(stand, control)
            stand.release(control)
            let opening = try await stand.open(2)
            let payload = try stand.seal(Stand.values(0), for: opening)
            let good = try stand.offer(payload, for: opening, of: "north")
            var signature = good.signature.bytes
            signature[0] ^= 1
            try stand.send(good, payload, from: "north", signature: signature)
            try await refused(stand, "the signature is not one of north/encrypt's key")
            // North's connection, west's name.
            let aggregate = stand.run.topology.aggregate
            let (north, west) = (try stand.cloud("north"), try stand.cloud("west"))
            let asWest = try stand.offer(payload, for: opening, of: "west")
            north.post.push(
                WireMessage(
                    .offer, from: west.stage, epoch: 1, document: asWest.bytes, signature: asWest.signature.bytes,
                    bulk: payload),
                to: aggregate)
            try await refused(stand, "says west/encrypt, its key is north/encrypt's")
            // West's signed offer, carried by north under north's name.
            north.post.push(
                WireMessage(
                    .offer, from: north.stage, epoch: 1, document: asWest.bytes, signature: asWest.signature.bytes,
                    bulk: payload),
                to: aggregate)
            // An announcement that is not publish's to make, and one with a forged signature.
            north.post.push(
                WireMessage(
                    .opening, from: north.stage, epoch: 1, document: opening.bytes, signature: opening.signature.bytes),
                to: aggregate)
            try await refused(stand, "only office/publish announces")
            let second = Signed(opening.content, by: north.signing)
            stand.announce(second, sequence: 3)
            try await refused(stand, "the signature is not one of office/publish's key")
            // A beat of one that is no hub.
            north.post.push(WireMessage(.beat, from: north.stage, epoch: 1, sequence: 9), to: aggregate)
            try await refused(stand, "its sender is no hub of this stage")
            // Chunks and wants without an offer.
            for index in 0..<3 {
                north.post.push(
                    WireMessage(
                        .chunk, from: north.stage, epoch: 1, transfer: good.content.name, first: index, bulk: payload),
                    to: aggregate)
                north.post.push(
                    WireMessage(.want, from: north.stage, epoch: 1, transfer: good.content.name, first: 0, end: 9),
                    to: aggregate)
            }
            try await closes(stand, opening)
            // The same name with other bytes, now that it is taken.
            let other = try stand.seal(Stand.values(7), for: opening)
            let again = try stand.offer(other, for: opening, of: "north")
            try stand.send(again, other, from: "north")
            let receipt = try await stand.receipt(of: again, to: "north")
            #expect(receipt.outcome == .refused)
            #expect(receipt.reason.contains("was received with another digest"))
            #expect(!stand.run.book.all.contains { $0.name == "contribution_counted" && $0.fields["from"] == "" })
            let counted = stand.run.book.all.filter { $0.name == "contribution_counted" }
            #expect(counted.map(\.round) == [1, 1, 1, 2, 2, 2])
        }

        @Test("A ciphertext out of range is let into no sum; the others' sum is right")
        func ciphertexts() async throws {
            let stand = try await Stand()
            let control = try await stand.open(1)
            try await closes(stand, control)
            stand.release(control)
            let width = try stand.seal(Stand.values(0), for: control).count
            let bad: [[UInt8]] = [
                // 0 and n have no inverse modulo n squared, and all ones is above it.
                [UInt8](repeating: 0, count: width), [UInt8](repeating: 0xff, count: width),
                stand.key.publicKey.n.value.bigEndianBytes(count: width) ?? [],
            ]
            for (index, payload) in bad.enumerated() {
                let round = UInt32(index) + 2
                let opening = try await stand.open(round, quorum: 2, seconds: 3)
                let offer = try stand.offer(payload, for: opening, of: "north")
                try stand.send(offer, payload, from: "north")
                // North hears what is wrong, and is not told before that its contribution is safe.
                let receipt = try await stand.receipt(of: offer, to: "north")
                #expect(receipt.outcome == .refused)
                #expect(receipt.reason.contains("ciphertext 0 "), "\(receipt.reason)")
                let refused = try await stand.run.event("contribution_refused", of: stand.run.topology.aggregate) {
                    $0.fields["from"] == "north" && $0.round == Int(round)
                }
                #expect(refused.fields["reason"] == receipt.reason)
                let journal = try stand.run.journal(of: stand.run.topology.aggregate)
                #expect(try journal.read { try $0.held() }.isEmpty)
                #expect(try journal.read { try $0.arrivalState(offer.content.name)?.state } == .refused)
                try await closes(stand, opening, clouds: ["west", "east"])
                stand.release(opening)
            }
        }

        @Test("A ciphertext made by one who knows a factor of the key shows at the sum, which is over the others then")
        func factors() async throws {
            let stand = try await Stand()
            let aggregate = stand.run.topology.aggregate
            let control = try await stand.open(1)
            try await closes(stand, control)
            stand.release(control)
            for (round, quorum) in [(UInt32(2), 2), (3, 3)] {
                let opening = try await stand.open(round, quorum: quorum, seconds: 30)
                let factor = try stand.factor
                let width = try stand.seal(Stand.values(0), for: opening).count
                let payload = [UInt8](repeating: 0, count: width - factor.count) + factor
                let offer = try stand.offer(payload, for: opening, of: "north")
                try stand.send(offer, payload, from: "north")
                #expect(try await stand.receipt(of: offer, to: "north").outcome == .durable)
                if quorum == 2 {
                    try await closes(stand, opening, clouds: ["west", "east"])
                    stand.release(opening)
                } else {
                    for (index, cloud) in ["west", "east"].enumerated() {
                        let payload = try stand.seal(Stand.values(UInt32(index)), for: opening)
                        try stand.send(try stand.offer(payload, for: opening, of: cloud), payload, from: cloud)
                    }
                    let missed = try await stand.run.event("quorum_missed", of: aggregate, round: Int(round))
                    #expect(missed.fields["reason"]?.contains("not sound: north") == true)
                }
                let refused = try await stand.run.event("contribution_refused", of: aggregate, round: Int(round))
                #expect(refused.fields["from"] == "north")
                #expect(refused.fields["reason"]?.contains("ciphertext 0 shares a factor") == true)
            }
            #expect(stand.isAlive)
        }

        @Test("A stranger's key does not get in, spoiled frames of a known one are named, and the round closes")
        func strangers() async throws {
            let stand = try await Stand()
            // The control: keys of the federation get in, and their frames close a round.
            let control = try await stand.open(1)
            try await closes(stand, control)
            stand.release(control)
            #expect(!stand.run.book.all.contains { $0.name == "handshake_refused" || $0.name == "message_refused" })
            let opening = try await stand.open(2)
            let topology = stand.run.topology
            let north = try stand.cloud("north")
            let genuine = try PostPlan(topology: topology, keys: stand.run.keys, stage: north.stage)
            let unknown = try BoxKeyPair()
            let stranger = try ScriptedStage(
                north.stage, in: stand.run,
                plan: PostPlan(
                    stage: north.stage, hub: nil, dials: genuine.dials.filter { $0.hub == topology.aggregate },
                    curvePublic: unknown.publicKey, curveSecret: unknown.secret))
            defer { stranger.post.stop() }
            try await refused(stand, "not in this federation's keys", event: "handshake_refused")
            // A key of the federation that has no part here: ingest's.
            let ingest = StageName(cloud: north.stage.cloud, kind: .ingest)
            let other = try ScriptedStage(
                north.stage, in: stand.run,
                plan: PostPlan(
                    stage: ingest, hub: nil, dials: genuine.dials.filter { $0.hub == topology.aggregate },
                    curvePublic: try stand.run.keys.card(of: ingest).curve,
                    curveSecret: try stand.run.keys.curveSecret(of: ingest)))
            defer { other.post.stop() }
            let prefix = Hex.encode(try stand.run.keys.card(of: ingest).curve.prefix(4))
            try await refused(stand, "key \(prefix)", event: "handshake_refused")
            try spoil(stand, genuine)
            try await refused(stand, "0xc1")
            try await refused(stand, "protocol version 2 is not spoken here")
            try await refused(stand, "expected 4 frames, found 1")
            try await refused(stand, "colour: unknown key")
            try await refused(stand, "is too long")
            try await closes(stand, opening)
        }

        @Test("Publish answers many questions of one stage at once with few answers, and still answers")
        func hellos() async throws {
            let run = try FederationRun(.init())
            let publish = run.topology.publish
            let encrypt = run.stage(.encrypt, "north")
            let genuine = try PostPlan(topology: run.topology, keys: run.keys, stage: encrypt)
            try run.start(publish)
            _ = try await run.event("round_opened", of: publish)
            let north = try ScriptedStage(
                encrypt, in: run,
                plan: PostPlan(
                    stage: encrypt, hub: nil, dials: genuine.dials.filter { $0.hub == publish },
                    curvePublic: genuine.curvePublic, curveSecret: genuine.curveSecret))
            defer { north.post.stop() }
            _ = try await north.message("the opening") { $0.kind == .opening }
            for _ in 0..<300 { north.post.push(WireMessage(.hello, from: encrypt, epoch: 1), to: publish) }
            // One sender's messages keep their order: when this one is refused, the others have been read.
            north.post.push(WireMessage(.heard, from: encrypt, epoch: 1), to: publish)
            _ = try await run.event("message_refused", of: publish) {
                $0.fields["reason"]?.contains("expected the digest of a release") ?? false
            }
            try await north.count(atLeast: 2) { $0.kind == .opening }
            #expect(north.count { $0.kind == .opening } < 30)
        }

        /// Raw frames from north's own key.
        private func spoil(_ stand: Stand, _ plan: PostPlan) throws {
            let context = try Context()
            let push = try Socket(.push, in: context)
            try push.set(.lingerMilliseconds(2_000))
            guard let dial = plan.dials.first(where: { $0.hub == stand.run.topology.aggregate }),
                let server = dial.serverKey
            else { return }
            try plan.curveSecret.withUnsafeBytes {
                try push.dialCurve(server: server, publicKey: plan.curvePublic, secret: $0)
            }
            try push.connect(dial.work)
            let good = WireMessage(.hello, from: plan.stage, epoch: 1).frames
            var version = good[0]
            if let place = version.firstIndex(of: UInt8(ascii: "v")) { version[place + 1] = 2 }
            // The map has eight pairs: one more, {"colour": nil}.
            var colour = good[0]
            colour[0] += 1
            colour += [0xa6] + Array("colour".utf8) + [0xc0]
            for frames in [
                [[0xc1], [], [], []], [version, [], [], []], [good[0]], [colour, [], [], []],
                [good[0], [], [], [UInt8](repeating: 0, count: Offer.chunkBytes + 1)],
                // Beyond the largest frame: the connection ends, and with it nothing else.
                [good[0], [UInt8](repeating: 0, count: WireMessage.maximumFrameBytes + 1), [], []],
            ] {
                while try !push.send(frames) {
                    var items = [PollItem(push, forInput: false, forOutput: true)]
                    try poll(&items, milliseconds: 1000)
                }
            }
        }
    }
}

extension Stand {
    /// Ends a round as publish would, so that the next can be opened.
    func release(_ opening: Signed<Opening>) {
        let content = opening.content
        let release = Signed(
            Release(
                run: content.run, round: content.round, purpose: content.purpose, opening: opening.digest,
                cohort: content.cohort,
                sums: [], metrics: [:], adapterDigest: Digest(of: [UInt8(truncatingIfNeeded: content.round.value)]),
                isFinal: false),
            by: publish.signing)
        announce(release, sequence: UInt64(content.round.value))
    }
}
