import Federation
import MessagePack
import Sodium
import Testing

@Suite("What aggregate says of a sum, and what the clouds signed of it")
struct RoundRecordTests {
    private struct Federation {
        let keys: [CloudName: SigningKey]
        let opening: Signed<Opening>

        init() throws {
            let clouds = try ["east", "north", "west"].map { try CloudName($0) }
            keys = try Dictionary(uniqueKeysWithValues: clouds.map { ($0, try SigningKey(seed: .random(count: 32))) })
            let sample = Samples.opening(.update)
            opening = Signed(
                Opening(
                    run: sample.run, round: sample.round, purpose: .update, seat: sample.seat, layout: sample.layout,
                    bits: sample.bits,
                    suite: sample.suite, keyID: sample.keyID, profile: sample.profile, clipNorm: sample.clipNorm,
                    cohort: clouds.map { Member(cloud: $0, weight: 2) }, quorum: 2, minimumCohort: 2,
                    deadline: sample.deadline, startsFrom: sample.startsFrom, adapterDigest: sample.adapterDigest,
                    adapter: sample.adapter, training: sample.training, split: nil),
                by: try SigningKey(seed: .random(count: 32)))
        }

        func key(_ stage: StageName) throws -> VerifyingKey {
            guard let key = keys[stage.cloud] else { throw FederationError.badSignature(signer: "\(stage)") }
            return key.verifyingKey
        }

        /// What `cloud` signs of its contribution, spoiled as told.
        func part(
            _ cloud: String, signer: String? = nil, round: UInt32? = nil, weight: UInt32 = 2, of opening: Digest? = nil,
            contents: String = "sealed",
            bits: Int? = nil
        ) throws -> RoundRecord.Part {
            let name = try CloudName(cloud)
            let asked = self.opening.content
            let about = ContributionAbout(
                opening: opening ?? self.opening.digest, suite: asked.suite, profile: asked.profile, keyID: asked.keyID,
                bits: bits ?? asked.bits, room: asked.cohort.count, weight: weight)
            let offer = Offer(
                name: TransferName(
                    run: asked.run, kind: .contribution, round: round.map { RoundNumber($0) } ?? asked.round,
                    cloud: name),
                maker: StageName(cloud: name, kind: .encrypt), byteCount: 10,
                digest: Digest(of: Array("\(contents) by \(cloud)".utf8)), about: about.value)
            let key = try #require(keys[try CloudName(signer ?? cloud)])
            let signed = Signed(offer, by: key)
            return .init(offer: signed.bytes, signature: signed.signature.bytes)
        }

        func record(_ parts: [RoundRecord.Part], opening: Digest? = nil) -> RoundRecord {
            RoundRecord(opening: opening ?? self.opening.digest, sum: Digest(of: [1]), parts: parts)
        }

        func clouds(_ record: RoundRecord) throws -> [String] {
            // As it travels.
            try RoundRecord(bytes: record.bytes).contributions(to: opening, key: key).map(\.cloud.description)
        }
    }

    @Test("Contributions that their clouds signed for the opening are listed")
    func sound() throws {
        let federation = try Federation()
        let parts = try ["east", "north", "west"].map { try federation.part($0) }
        #expect(try federation.clouds(federation.record(parts)) == ["east", "north", "west"])
        #expect(try federation.clouds(federation.record([parts[0], parts[2]])) == ["east", "west"])
    }

    @Test("A record that lists anything else is refused, and says whose contribution is wrong and how")
    func refused() throws {
        let federation = try Federation()
        let (east, north, west) = (
            try federation.part("east"), try federation.part("north"), try federation.part("west")
        )
        let (northern, eastern) = (try CloudName("north"), try CloudName("east"))
        // Another weight is another document.
        let altered = try federation.part("north", contents: "other").offer
        let cases: [(RoundRecord, RecordFault)] = [
            (federation.record([east, try federation.part("north", signer: "west"), west]), .invented(northern)),
            (federation.record([east, .init(offer: altered, signature: north.signature), west]), .invented(northern)),
            (federation.record([east, east, west]), .doubled(eastern)),
            (federation.record([east, north, west, east]), .doubled(eastern)),
            (federation.record([north, east]), .unordered), (federation.record([west]), .tooFew(found: 1, needed: 2)),
            (federation.record([]), .tooFew(found: 0, needed: 2)),
            (federation.record([east, north], opening: Digest(of: [3])), .otherOpening),
        ]
        for (record, fault) in cases { #expect(throws: fault) { try federation.clouds(record) } }
        for spoiled in [
            try federation.part("north", round: 3), try federation.part("north", weight: 3),
            try federation.part("north", of: Digest(of: [9])), try federation.part("north", bits: 16),
        ] {
            do {
                _ = try federation.clouds(federation.record([east, spoiled]))
                Issue.record("a contribution that does not fit was taken")
            } catch RecordFault.unfit(let cloud, _) { #expect(cloud == northern) }
        }
    }

    @Test("The root changes with every part, their order and their number")
    func root() throws {
        let federation = try Federation()
        let parts = try ["east", "north", "west"].map { try federation.part($0) }
        var roots = [
            federation.record(parts).root, federation.record([parts[0], parts[1]]).root,
            federation.record([parts[1], parts[0]]).root, federation.record([]).root,
        ]
        roots.append(
            federation.record([parts[0], try federation.part("north", contents: "other"), parts[2]]).root)
        #expect(Set(roots).count == roots.count)
        #expect(federation.record(parts).root == roots[0])
    }

    @Test("The tree is that of RFC 9162 with BLAKE2b: leaves and nodes apart, the left half a power of 2")
    func tree() {
        let leaves = (0..<5).map { MerkleTree.leaf([UInt8($0)]) }
        func node(_ left: Digest, _ right: Digest) -> Digest { Digest(of: [1] + left.bytes + right.bytes) }
        let four = node(node(leaves[0], leaves[1]), node(leaves[2], leaves[3]))
        #expect(MerkleTree.root(leaves) == node(four, leaves[4]))
        #expect(MerkleTree.root([leaves[3]]) == leaves[3])
        #expect(leaves[0] == Digest(of: [0, 0]))
        #expect(MerkleTree.root([]) == Digest(of: [UInt8]()))
    }

    @Test("A record of the wrong form is refused before it is read further")
    func malformed() throws {
        let sound = try Federation()
        let bytes = sound.record([try sound.part("east")]).bytes
        _ = try RoundRecord(bytes: bytes)
        for spoiled in [Array(bytes.dropLast()), bytes + [0], [], [0xc0], encode(.map([("opening", .unsigned(1))]))] {
            #expect(throws: (any Error).self) { try RoundRecord(bytes: spoiled) }
        }
        let short = RoundRecord(
            opening: Digest(of: [1]), sum: Digest(of: [1]), parts: [.init(offer: [1], signature: [2])])
        #expect(throws: FederationError.self) { try RoundRecord(bytes: short.bytes) }
    }
}
