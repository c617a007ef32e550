import Encryption
import Federation
import Sodium
import Testing

/// What parties of a masked round refuse before a share is dealt. Each test first shows the same step taken unspoiled.
@Suite("Refused rosters")
struct MaskRosterRefusalTests {
    @Test("Cohorts of two, thresholds of half, minimum cohorts of two and stages twice are no masked rounds")
    func terms() throws {
        _ = try MaskedRound.terms(clouds: 4, threshold: 3, minimum: 3)
        for (clouds, threshold, minimum) in [(2, 2, 2), (4, 2, 3), (4, 5, 3), (4, 3, 2), (4, 3, 5), (0, 0, 0)] {
            #expect(throws: MaskingError.self, "\(clouds), \(threshold), \(minimum)") {
                try MaskedRound.terms(clouds: clouds, threshold: threshold, minimum: minimum)
            }
        }
        let good = try MaskedRound.terms(clouds: 4)
        for (clouds, publisher) in [
            (good.clouds + [good.clouds[0]], good.publisher), (good.clouds, good.clouds[2]),
        ] {
            #expect(throws: MaskingError.invalidTerms("a stage appears twice among the clouds and publish")) {
                try MaskingTerms(
                    run: good.run, round: good.round, opening: good.opening, clouds: clouds, publisher: publisher,
                    threshold: 3, minimumCohort: 3)
            }
        }
    }

    /// A roster of which one advertisement was made again by `spoil`, and signed by its own stage.
    private func roster(
        _ round: MaskedRound, spoiling index: Int, _ spoil: (MaskAdvertisement) throws -> MaskAdvertisement
    ) throws -> MaskRoster {
        let advertisements = try (round.parties.clouds + [round.parties.publisher]).enumerated().map { place, content in
            try round.sign(place == index ? spoil(content) : content, by: content.stage)
        }
        return MaskRoster(terms: round.terms, advertisements: advertisements)
    }

    private func change(
        _ advertisement: MaskAdvertisement, run: RunName? = nil, round: UInt32? = nil, opening: Digest? = nil,
        maskKey: [UInt8]? = nil, sharingKey: [UInt8]? = nil
    ) -> MaskAdvertisement {
        MaskAdvertisement(
            head: MaskHead(
                run: run ?? advertisement.run, round: round.map(RoundNumber.init) ?? advertisement.round,
                opening: opening ?? advertisement.opening), stage: advertisement.stage,
            maskKey: maskKey ?? advertisement.maskKey, sharingKey: sharingKey ?? advertisement.sharingKey)
    }

    /// RFC 7748, section 6.1, and "Twist security": the points whose products are all zero, and keys in a second form.
    static let unusable: [[UInt8]] = [
        [UInt8](repeating: 0, count: 32),
        [1] + [UInt8](repeating: 0, count: 31),
        Hex.decode("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800") ?? [],
        Hex.decode("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157") ?? [],
        [0xec] + [UInt8](repeating: 0xff, count: 30) + [0x7f],  // p - 1
        [0xed] + [UInt8](repeating: 0xff, count: 30) + [0x7f],  // p, another 0
        [0xf6] + [UInt8](repeating: 0xff, count: 30) + [0x7f],  // p + 9, another form of the base point
        [9] + [UInt8](repeating: 0, count: 30) + [0x80],  // the base point with its top bit set
    ]

    @Test("Keys of small order and keys in another form than their one are refused", arguments: unusable.indices)
    func unusableKeys(index: Int) throws {
        let round = try MaskedRound(clouds: 3)
        let key = Self.unusable[index]
        #expect(key.count == 32)
        for place in [0, 3] {
            let stage = (round.terms.clouds + [round.terms.publisher])[place]
            for spoiled in [
                try roster(round, spoiling: place) { change($0, maskKey: key) },
                try roster(round, spoiling: place) { change($0, sharingKey: key) },
            ] {
                #expect(throws: MaskingError.unusableKey(of: stage)) {
                    try MaskParties(spoiled, terms: round.terms, signers: round.signers)
                }
            }
        }
        let unspoiled = try roster(round, spoiling: 0) { $0 }
        #expect(unspoiled == round.roster)
        _ = try MaskParties(unspoiled, terms: round.terms, signers: round.signers)
    }

    @Test("A key that is advertised twice is refused: another's, publish's, or one's own for both uses")
    func reusedKeys() throws {
        let round = try MaskedRound(clouds: 3)
        let (clouds, publisher) = (round.parties.clouds, round.parties.publisher)
        let names = clouds.map(\.stage)
        for (spoiled, first, second) in [
            (try roster(round, spoiling: 1) { change($0, maskKey: clouds[0].maskKey) }, names[0], names[1]),
            (try roster(round, spoiling: 2) { change($0, sharingKey: clouds[0].maskKey) }, names[0], names[2]),
            (try roster(round, spoiling: 2) { change($0, maskKey: $0.sharingKey) }, names[2], names[2]),
            (
                try roster(round, spoiling: 1) { change($0, maskKey: publisher.maskKey) }, publisher.stage, names[1]
            ),
        ] {
            #expect(throws: MaskingError.keyReused(by: first, and: second)) {
                try MaskParties(spoiled, terms: round.terms, signers: round.signers)
            }
        }
    }

    @Test("Advertisements of another run, round or opening are refused by name")
    func otherRound() throws {
        let round = try MaskedRound(clouds: 3)
        let stage = round.terms.clouds[1]
        let error = MaskingError.otherRound(document: "mask-advertisement", from: stage.description)
        let other = try RunName("other")
        for spoiled in [
            try roster(round, spoiling: 1) { change($0, run: other) },
            try roster(round, spoiling: 1) { change($0, round: 8) },
            try roster(round, spoiling: 1) { change($0, opening: round.parties.digest) },
        ] {
            #expect(throws: error) { try MaskParties(spoiled, terms: round.terms, signers: round.signers) }
        }
        let next = try MaskedRound.terms(clouds: 3, round: 8)
        #expect(throws: MaskingError.otherRound(document: "mask-roster", from: "aggregate")) {
            try MaskParties(round.roster, terms: next, signers: round.signers)
        }
    }

    @Test("A roster must be signed, whole, in order, without strangers, and of this threshold")
    func rosters() throws {
        let round = try MaskedRound(clouds: 4)
        let all = round.roster.advertisements
        func check(_ advertisements: [SignedBytes], threshold: Int = 3) throws {
            let roster = MaskRoster(
                head: round.terms.head, threshold: threshold, advertisements: advertisements)
            _ = try MaskParties(roster, terms: round.terms, signers: round.signers)
        }
        try check(all)
        let names = try (0..<4).map { try MaskedRound.stage($0) }
        // The order is cloud 0, publish, cloud 1 ...
        #expect(throws: MaskingError.listedTwice(names[3], in: "mask-roster")) { try check(all + [all[4]]) }
        #expect(
            throws: MaskingError.malformed(document: "mask-roster", "stages are not in the order of names")
        ) { try check([all[1], all[0]] + all[2...]) }
        #expect(throws: MaskingError.malformed(document: "mask-roster", "\(round.terms.publisher) is not in it")) {
            try check([all[0]] + all[2...])
        }
        #expect(throws: MaskingError.tooFewClouds(phase: "have advertised keys", found: 2, needed: 3)) {
            try check(Array(all.prefix(3)))
        }
        #expect(throws: MaskingError.malformed(document: "mask-roster", "a threshold of 4, the round's is 3")) {
            try check(all, threshold: 4)
        }

        let stranger = StageName(cloud: try CloudName("stranger"), kind: .encrypt)
        let key = try SigningKey(seed: SecretBytes.random(count: 32))
        let pair = (try BoxKeyPair(), try BoxKeyPair())
        let advertisement = MaskAdvertisement(
            head: round.terms.head, stage: stranger, maskKey: pair.0.publicKey, sharingKey: pair.1.publicKey)
        let uninvited = SignedBytes(Signed(advertisement, by: key), by: stranger)
        #expect(throws: MaskingError.unknownSigner(stranger)) { try check(all + [uninvited]) }
        #expect(throws: MaskingError.notAParty(stranger)) {
            var signers = round.signers
            signers[stranger] = key.verifyingKey
            let roster = MaskRoster(
                head: round.terms.head, threshold: 3, advertisements: all + [uninvited])
            _ = try MaskParties(roster, terms: round.terms, signers: signers)
        }
        // Aggregate in the middle: keys of its own under another's name.
        let forged = SignedBytes(Signed(advertisement, by: key), by: names[0])
        #expect(throws: FederationError.badSignature(signer: names[0].description)) { try check([forged] + all[1...]) }
    }

    @Test("A cloud refuses a roster that lists it with other keys, or not at all")
    func ownKeys() throws {
        let round = try MaskedRound(clouds: 4)
        _ = try CloudSharing(round.secrets[1], parties: round.parties)
        let again = try CloudSecrets(of: round.clouds[1], terms: round.terms)
        #expect(throws: MaskingError.foreignKeys(round.clouds[1])) { try CloudSharing(again, parties: round.parties) }
        let without = try MaskedRound(clouds: 4, absent: [1])
        #expect(throws: MaskingError.notAParty(round.clouds[1])) {
            try CloudSharing(round.secrets[1], parties: without.parties)
        }
    }
}
