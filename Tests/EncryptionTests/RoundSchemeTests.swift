import Encryption
import Federation
import Sodium
import Testing

/// What an opening makes of a suite.
@Suite("The scheme of an opening")
struct RoundSchemeTests {
    private func opening(_ suite: Suite, values: Int = 10, key: PaillierPublicKey? = nil, degree: Int = 1)
        throws -> Opening
    {
        let digest = Digest(of: Array("opening".utf8))
        return Opening(
            run: try RunName("demo"), round: RoundNumber(7), purpose: .statistics,
            seat: Seat(try StageName("office/aggregate")), layout: try layout(count: values),
            bits: 16, suite: suite, keyID: key?.id.bytes ?? [], profile: key?.profile.rawValue ?? "", degree: degree,
            clipNorm: 0,
            cohort: try ["a", "b", "c"].map { Member(cloud: try CloudName($0), weight: 1) }, quorum: 3,
            minimumCohort: 3, deadline: 0, startsFrom: RoundNumber(0), adapterDigest: digest,
            adapter: AdapterPlan(
                rank: 1, alpha: 1, targets: [], trains: "b", seed: 0, baseModel: "none",
                baseDigest: digest.description, tokenizerDigest: digest.description), training: nil, split: nil)
    }

    @Test("An opening in clear does not talk whoever has a key, or masks, out of using them")
    func downgrade() throws {
        let key = try TestKeys.first.get().publicKey
        let slots = try SlotLayout(bits: 16, cohort: 3)
        let masks = MaskedScheme(agreement: Digest(of: []), layout: try layout(count: 10), slots: slots)
        #expect(try RoundScheme(opening(.clear), key: nil).scheme.sealing.suite == .clear)
        #expect(try RoundScheme(opening(.paillier, key: key), key: key).scheme.sealing.suite == .paillier)
        #expect(throws: EncryptionError.wrongSuite(expected: .paillier, found: .clear)) {
            try RoundScheme(opening(.clear), key: key)
        }
        #expect(throws: EncryptionError.wrongSuite(expected: .secagg, found: .clear)) {
            try RoundScheme(opening(.clear), key: nil, masks: masks)
        }
    }

    @Test("Key, profile and s of an opening must go together: a key that clouds share is for s = 1")
    func degrees() throws {
        let own = try TestKeys.first.get()
        for degree in 1...3 {
            let opening = try opening(.paillier, values: 200, key: own.publicKey, degree: degree)
            let round = try RoundScheme(opening, key: own.publicKey)
            #expect(round.scheme.sealing.degree == degree)
            #expect((round.pooledUnits > 0) == (degree == 1))
            let values = (1...200).map { UInt32($0) }
            let accumulator = round.scheme.makeAccumulator()
            for _ in 0..<3 {
                try accumulator.add(
                    try round.scheme.seal(values, threads: 1), sealing: round.scheme.sealing, threads: 1)
            }
            let opener = round.opener(own)
            let opened = try opener.open(
                accumulator.sum(), sealing: round.scheme.sealing, contributions: 3, threads: 1)
            #expect(opened == values.map { 3 * UInt64($0) })
        }
        let shared = try ThresholdKeys.twoOfThree.get().key.paillier
        #expect(shared.isShared && !own.publicKey.isShared)
        _ = try RoundScheme(opening(.paillier, key: shared), key: shared)
        for degree in [2, 3] {
            #expect(throws: EncryptionError.degreeNotOfKey(found: degree, allowed: 1...1)) {
                try RoundScheme(opening(.paillier, key: shared, degree: degree), key: shared)
            }
        }
        #expect(throws: EncryptionError.degreeNotOfKey(found: 4, allowed: 1...3)) {
            try RoundScheme(opening(.paillier, key: own.publicKey, degree: 4), key: own.publicKey)
        }
    }

    @Test("A masked opening settles the terms for all who read it; no other opening does")
    func terms() throws {
        let publisher = StageName(cloud: try CloudName("office"), kind: .publish)
        let digest = Digest(of: Array("signed".utf8))
        let terms = try MaskingTerms(opening(.secagg), digest: digest, publisher: publisher)
        #expect(terms.clouds.map(\.description) == ["a/encrypt", "b/encrypt", "c/encrypt"])
        #expect(terms.opening == digest)
        #expect([terms.threshold, terms.minimumCohort, terms.toleratedColluders] == [2, 3, 1])
        for suite in [Suite.clear, .paillier] {
            #expect(throws: MaskingError.invalidTerms("round 7 is sealed with \(suite)")) {
                try MaskingTerms(opening(suite), digest: digest, publisher: publisher)
            }
        }
        #expect(throws: MaskingError.invalidTerms("no threshold of 3 clouds bears 2 that collude")) {
            try MaskingTerms(opening(.secagg), digest: digest, publisher: publisher, colluders: 2)
        }
    }

    @Test("A masked opening needs masks of its own layout and slots")
    func masks() throws {
        let slots = try SlotLayout(bits: 16, cohort: 3)
        func masks(_ layout: VectorLayout, _ slots: SlotLayout) -> MaskedScheme {
            MaskedScheme(agreement: Digest(of: []), layout: layout, slots: slots)
        }
        let own = try layout(count: 10)
        _ = try RoundScheme(opening(.secagg), key: nil, masks: masks(own, slots))
        #expect(throws: EncryptionError.masksNotAgreed(round: RoundNumber(7))) {
            try RoundScheme(opening(.secagg), key: TestKeys.first.get().publicKey)
        }
        let other = try layout(count: 11)
        #expect(throws: EncryptionError.wrongLayout(expected: own.digest, found: other.digest)) {
            try RoundScheme(opening(.secagg), key: nil, masks: masks(other, slots))
        }
        let wider = try SlotLayout(bits: 16, cohort: 4)
        #expect(throws: EncryptionError.wrongSlots(expected: slots, found: wider)) {
            try RoundScheme(opening(.secagg), key: nil, masks: masks(own, wider))
        }
    }

    @Test("A long vector goes through a masked round part by part")
    func longVector() throws {
        let opening = try opening(.secagg, values: 200_003)
        let slots = try SlotLayout(bits: 16, cohort: 3)
        let round = try MaskedRound(clouds: 3)
        let adder = MaskedScheme(agreement: round.members.digest, layout: opening.layout, slots: slots)
        let accumulator = adder.makeAccumulator()
        for (index, masking) in round.maskings.enumerated() {
            let scheme = try RoundScheme(
                opening, key: nil, masks: masking.scheme(layout: opening.layout, slots: slots))
            let values = (0..<200_003).map { Double(($0 + index) % 1000) / 1000 }
            var payload: [UInt8] = []
            var parts = 0
            _ = try values.withUnsafeBytes { bytes in
                try scheme.seal(.counts(bytes), threads: 2) {
                    payload += $0
                    parts += 1
                }
            }
            #expect(parts > 2)
            try accumulator.add(payload, sealing: scheme.scheme.sealing, threads: 1)
        }
        let opener = try round.opener(of: round.clouds, layout: opening.layout, slots: slots)
        let sums = try opener.open(accumulator.sum(), sealing: adder.sealing, contributions: 3, threads: 2)
        let decoded = try RoundScheme(opening, key: nil, masks: adder).quantiser.dequantise(sums, contributions: 3)
        let worst = decoded.enumerated().map { place, value in
            abs(value - (0..<3).map { Double((place + $0) % 1000) / 1000 }.reduce(0, +))
        }.max()
        #expect(try #require(worst) < 3 * 0.5 / 32_767 + 1e-9)
    }
}
