import Encryption
import Federation
import Sodium
import Testing

/// What publish refuses when it removes the masks.
@Suite("Refused disclosures")
struct UnmaskingRefusalTests {
    /// A round in which cloud 4 has dropped out, ready to be unmasked.
    private struct Ending {
        let round: MaskedRound
        let survivors: MaskSurvivors
        let disclosures: [Signed<MaskDisclosure>]
        let stages: [StageName]

        init() throws {
            round = try MaskedRound(clouds: 5)
            stages = Array(round.clouds.prefix(4))
            survivors = round.survivors(stages)
            let consents = try round.consents(to: survivors)
            let (round, survivors) = (round, survivors)
            disclosures = try stages.map { try round.disclosure(of: $0, for: survivors, consents: consents) }
        }

        func unmasking() throws -> Unmasking {
            try Unmasking(round.publisherKeys, members: round.members, survivors: survivors)
        }

        private func label(_ index: Int) -> String {
            "tributary mask disclosure 1\n\(round.terms.run)\n\(round.terms.round)\n\(round.terms.opening)\n"
                + "\(round.members.digest)\n\(survivors.documentDigest)\n\(stages[index])\n"
        }

        private func key(_ index: Int) throws -> SecretBytes {
            let encoded = SecretSharingTests.bytes(try round.secrets[index].encoded())
            let sharing = try BoxKeyPair(secret: SecretSharingTests.secret(Array(encoded[32..<64])))
            return try sharing.agreement(with: round.parties.publisher.sharingKey).withUnsafeBytes {
                try KeyedHash.key(from: $0, label: label(index))
            }
        }

        /// What a cloud that has `shares` to open would send.
        func seal(_ shares: [UInt8], by index: Int) throws -> Signed<MaskDisclosure> {
            try sign(
                SealedSecret.seal(SecretSharingTests.secret(shares), key: key(index), label: label(index)), by: index)
        }

        /// The shares in a cloud's disclosure.
        func shares(by index: Int) throws -> [UInt8] {
            let opened = try SealedSecret.open(
                disclosures[index].content.sealed, key: key(index), label: label(index))
            return SecretSharingTests.bytes(try #require(opened))
        }

        func sign(_ sealed: [UInt8], by index: Int) throws -> Signed<MaskDisclosure> {
            try round.sign(
                MaskDisclosure(MaskDecision(stage: stages[index], survivors: survivors).choice, sealed: sealed),
                by: stages[index])
        }
    }

    @Test("A forged share is refused by its maker's name, and the disclosures of the others still open the sum")
    func forgedShares() throws {
        let ending = try Ending()
        let round = ending.round
        let shares = try ending.shares(by: 1)
        #expect(shares.count == 5 * 32)
        var unmasking = try ending.unmasking()
        for dealer in round.clouds.indices {
            var forged = shares
            forged[dealer * 32 + 9] ^= 4
            #expect(throws: MaskingError.forgedShare(of: round.clouds[dealer], from: ending.stages[1])) {
                try unmasking.add(ending.seal(forged, by: 1), signers: round.signers)
            }
        }
        // Another survivor's share, of the same secret.
        let swapped = try ending.shares(by: 0)[..<32] + shares[32...]
        #expect(throws: MaskingError.forgedShare(of: round.clouds[0], from: ending.stages[1])) {
            try unmasking.add(ending.seal(Array(swapped), by: 1), signers: round.signers)
        }
        #expect(unmasking.disclosures == 0)
        for index in [0, 2, 3] { try unmasking.add(ending.disclosures[index], signers: round.signers) }
        _ = try unmasking.opener(layout: layout(count: 3), slots: SlotLayout(bits: 8, cohort: 5))
        try unmasking.add(ending.seal(shares, by: 1), signers: round.signers)
    }

    @Test(
        "A disclosure has one share of each cloud: of the seed of a survivor, of the mask key of one that dropped out")
    func oneShareEach() throws {
        let ending = try Ending()
        let round = ending.round
        let shares = try ending.shares(by: 1)
        for dealer in round.clouds.indices where dealer != 1 {
            // What cloud 1 was dealt: mask share, then seed share.
            let label =
                "tributary sealed shares 1\n\(round.terms.run)\n\(round.terms.round)\n\(round.terms.opening)\n"
                + "\(round.parties.digest)\n\(round.clouds[dealer])\n\(round.clouds[1])\n"
            let encoded = SecretSharingTests.bytes(try round.secrets[1].encoded())
            let sharing = try BoxKeyPair(secret: SecretSharingTests.secret(Array(encoded[32..<64])))
            let key = try sharing.agreement(with: round.parties.clouds[dealer].sharingKey).withUnsafeBytes {
                try KeyedHash.key(from: $0, label: label)
            }
            let sealed = round.shares[dealer].content.portions[1].sealed
            let pair = SecretSharingTests.bytes(
                try #require(try SealedSecret.open(sealed, key: key, label: label)))
            let disclosed = Array(shares[dealer * 32..<(dealer + 1) * 32])
            #expect(disclosed == Array(dealer < 4 ? pair[32...] : pair[..<32]))
            // The other one in its place, or beside it, is refused.
            var other = shares
            other.replaceSubrange(dealer * 32..<(dealer + 1) * 32, with: dealer < 4 ? pair[..<32] : pair[32...])
            var unmasking = try ending.unmasking()
            #expect(throws: MaskingError.forgedShare(of: round.clouds[dealer], from: ending.stages[1])) {
                try unmasking.add(ending.seal(other, by: 1), signers: round.signers)
            }
            #expect(throws: MaskingError.unreadable(document: "mask-disclosure", from: ending.stages[1])) {
                try unmasking.add(ending.seal(shares + disclosed, by: 1), signers: round.signers)
            }
        }
    }

    @Test("Disclosures twice, of another set, of strangers, by others, or sealed otherwise are refused")
    func disclosures() throws {
        let ending = try Ending()
        let (round, good) = (ending.round, ending.disclosures)
        var unmasking = try ending.unmasking()
        try unmasking.add(good[0], signers: round.signers)
        #expect(throws: MaskingError.listedTwice(ending.stages[0], in: "the disclosures")) {
            try unmasking.add(good[0], signers: round.signers)
        }
        func spoiled(
            survivors: Digest? = nil, agreement: Digest? = nil, round number: UInt32? = nil, stage: StageName? = nil,
            sealed: [UInt8]? = nil
        ) throws -> Signed<MaskDisclosure> {
            let content = good[1].content
            let (head, choice) = (content.head, content.choice)
            return try round.sign(
                MaskDisclosure(
                    MaskChoice(
                        head: MaskHead(
                            run: head.run, round: number.map(RoundNumber.init) ?? head.round, opening: head.opening),
                        agreement: agreement ?? choice.agreement, survivors: survivors ?? choice.survivors,
                        stage: stage ?? choice.stage), sealed: sealed ?? content.sealed), by: ending.stages[1])
        }
        let name = ending.stages[1]
        let document = "mask-disclosure"
        for (disclosure, error) in [
            (
                try spoiled(survivors: round.terms.opening),
                .otherSurvivors(document: document, from: name.description)
            ),
            (
                try spoiled(agreement: round.terms.opening),
                .otherAgreement(document: document, from: name.description)
            ),
            (try spoiled(round: 8), .otherRound(document: document, from: name.description)),
            (try spoiled(stage: round.clouds[4]), .notASurvivor(round.clouds[4])),
            (try spoiled(stage: round.terms.publisher), .notASurvivor(round.terms.publisher)),
            // Another's sealed bytes under one's own name; nothing; cut.
            (try spoiled(sealed: good[0].content.sealed), .unreadable(document: document, from: name)),
            (try spoiled(sealed: []), .unreadable(document: document, from: name)),
            (
                try spoiled(sealed: Array(good[1].content.sealed.dropLast())),
                .unreadable(document: document, from: name)
            ),
            (try ending.seal([UInt8](repeating: 0, count: 32), by: 1), .unreadable(document: document, from: name)),
            (
                try ending.seal([UInt8](repeating: 0, count: 160), by: 1),
                .forgedShare(of: round.clouds[0], from: name)
            ),
        ] as [(Signed<MaskDisclosure>, MaskingError)] {
            #expect(throws: error) { try unmasking.add(disclosure, signers: round.signers) }
        }
        #expect(throws: FederationError.badSignature(signer: ending.stages[2].description)) {
            try unmasking.add(spoiled(stage: ending.stages[2]), signers: round.signers)
        }
        #expect(unmasking.disclosures == 1)
        try unmasking.add(good[1], signers: round.signers)
        #expect(throws: MaskingError.tooFewShares(found: 2, needed: 3)) {
            try unmasking.opener(layout: layout(count: 3), slots: SlotLayout(bits: 8, cohort: 5))
        }
        try unmasking.add(good[2], signers: round.signers)
        _ = try unmasking.opener(layout: layout(count: 3), slots: SlotLayout(bits: 8, cohort: 5))
    }

    /// What a cloud makes that deals shares of other secrets than it advertises and commits to, each rightly sealed and
    /// committed to itself.
    private func deal(_ round: MaskedRound, _ dealer: Int, otherMask: Bool, otherSeed: Bool) throws -> MaskShares {
        let honest = round.sharings[dealer].shares
        let encoded = SecretSharingTests.bytes(try round.secrets[dealer].encoded())
        func rows(_ range: Range<Int>, isOther: Bool) throws -> [[UInt8]] {
            let secret = isOther ? try SystemRandom.bytes(count: 32) : Array(encoded[range])
            let all = try SecretSharingTests.bytes(
                secret.withUnsafeBytes {
                    try SecretSharing.shares(
                        of: $0, count: round.clouds.count, threshold: round.terms.threshold,
                        coefficients: SecretBytes.random(
                            count: SecretSharing.coefficientByteCount(threshold: round.terms.threshold)))
                })
            return round.clouds.indices.map { Array(all[$0 * 32..<($0 + 1) * 32]) }
        }
        let (masks, seeds) = (try rows(0..<32, isOther: otherMask), try rows(64..<96, isOther: otherSeed))
        let sharing = try BoxKeyPair(secret: SecretSharingTests.secret(Array(encoded[32..<64])))
        let portions = try honest.portions.enumerated().map { place, portion in
            func label(_ purpose: String) -> String {
                "\(purpose)\n\(round.terms.run)\n\(round.terms.round)\n\(round.terms.opening)\n"
                    + "\(round.parties.digest)\n\(honest.stage)\n\(portion.receiver)\n"
            }
            func commitment(_ share: [UInt8], _ purpose: String) throws -> Digest {
                try share.withUnsafeBytes { try KeyedHash.commitment(to: $0, label: label(purpose)) }
            }
            let name = label("tributary sealed shares 1")
            var sealed: [UInt8] = []
            if place != dealer {
                let key = try sharing.agreement(with: round.parties.clouds[place].sharingKey).withUnsafeBytes {
                    try KeyedHash.key(from: $0, label: name)
                }
                sealed = try SealedSecret.seal(
                    SecretSharingTests.secret(masks[place] + seeds[place]), key: key, label: name)
            }
            return MaskShares.Portion(
                receiver: portion.receiver, sealed: sealed,
                maskShare: try commitment(masks[place], "tributary mask share 1"),
                seedShare: try commitment(seeds[place], "tributary seed share 1"))
        }
        return MaskShares(
            head: honest.head, roster: honest.roster, stage: honest.stage, seed: honest.seed, portions: portions)
    }

    /// The liar says nothing after its contribution: it cannot hide behind that.
    @Test(
        "A cloud that dealt shares of another secret than it advertised is named when they are put together",
        arguments: [(false, false), (true, false), (false, true), (true, true)])
    func inconsistentShares(otherMask: Bool, otherSeed: Bool) throws {
        for hasDropped in [false, true] {
            let round = try MaskedRound(clouds: 4)
            let liar = round.clouds[3]
            let lies = try round.sign(deal(round, 3, otherMask: otherMask, otherSeed: otherSeed), by: liar)
            let shares = Array(round.shares.dropLast()) + [lies]
            let members = try MaskMembers(
                MaskAgreement(parties: round.parties, shares: shares), parties: round.parties, shares: shares,
                signers: round.signers)
            let maskings = try (0..<3).map { try CloudMasking(round.sharings[$0], members: members) }
            let stages = hasDropped ? Array(round.clouds.dropLast()) : round.clouds
            let survivors = MaskSurvivors(
                members: members,
                contributions: Dictionary(
                    uniqueKeysWithValues: stages.map { ($0, MaskedRound.contribution(of: $0)) }))
            let consents = try stages.map {
                try round.sign(MaskDecision(stage: $0, survivors: survivors).consent, by: $0)
            }
            var unmasking = try Unmasking(round.publisherKeys, members: members, survivors: survivors)
            for masking in maskings {
                let decision = try masking.decide(
                    survivors, contribution: MaskedRound.contribution(of: masking.stage))
                let disclosure = try masking.disclosure(after: decision, consents: consents, signers: round.signers)
                try unmasking.add(round.sign(disclosure, by: masking.stage), signers: round.signers)
            }
            let slots = try SlotLayout(bits: 8, cohort: 4)
            if hasDropped ? otherMask : otherSeed {
                #expect(throws: MaskingError.inconsistentShares(of: liar)) {
                    try unmasking.opener(layout: layout(count: 3), slots: slots)
                }
            } else {
                _ = try unmasking.opener(layout: layout(count: 3), slots: slots)
            }
        }
    }

    @Test("An opener opens the sum of its own agreement and survivors alone; impossible values are named")
    func openers() throws {
        let slots = try SlotLayout(bits: 8, cohort: 4)
        let layout = try layout(count: 10)
        let round = try MaskedRound(clouds: 4)
        let accumulator = MaskedScheme(agreement: round.members.digest, layout: layout, slots: slots).makeAccumulator()
        for masking in round.maskings {
            let scheme = try masking.scheme(layout: layout, slots: slots)
            try accumulator.add(
                scheme.seal([UInt32](repeating: 255, count: 10), threads: 1), sealing: scheme.sealing, threads: 1)
        }
        let sum = try accumulator.sum()
        let opener = try round.opener(of: round.clouds, layout: layout, slots: slots)
        let sealing = opener.sealing
        let expected = [UInt64](repeating: 1020, count: 10)
        #expect(try opener.open(sum, sealing: sealing, contributions: 4, threads: 1) == expected)
        #expect(throws: MaskingError.wrongSurvivorCount(found: 3, expected: 4)) {
            try opener.open(sum, sealing: sealing, contributions: 3, threads: 1)
        }
        let other = try MaskedRound(clouds: 4)
        let foreign = MaskedScheme(agreement: other.members.digest, layout: layout, slots: slots)
        let error = EncryptionError.wrongMasks(expected: round.members.digest, found: other.members.digest)
        #expect(throws: error) { try opener.open(sum, sealing: foreign.sealing, contributions: 4, threads: 1) }
        #expect(throws: error) { try accumulator.add(sum, sealing: foreign.sealing, threads: 1) }
        // Slots of 10 bits: a unit is ten bytes. One more in value 3, which lies in the bits from 30 on.
        let spoiling = MaskedScheme(agreement: round.members.digest, layout: layout, slots: slots).makeAccumulator()
        try spoiling.add(sum, sealing: sealing, threads: 1)
        try spoiling.add([0, 0, 0, 0x40] + [UInt8](repeating: 0, count: 16), sealing: sealing, threads: 1)
        var spoiled = try spoiling.sum()
        #expect(throws: EncryptionError.sumOutOfRange(index: 3, contributions: 4)) {
            try opener.open(spoiled, sealing: sealing, contributions: 4, threads: 1)
        }
        // The last two values' unit has room for six more, where everyone has zeros.
        spoiled = sum
        spoiled[19] ^= 0x80
        #expect(throws: EncryptionError.sumOverflows(ciphertext: 1)) {
            try opener.open(spoiled, sealing: sealing, contributions: 4, threads: 1)
        }
    }
}
