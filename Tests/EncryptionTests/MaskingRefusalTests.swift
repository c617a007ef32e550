import Encryption
import Federation
import Sodium
import Testing

/// Everything that a party of a masked round refuses. Each test first shows the same step taken unspoiled.
@Suite("Refusals in masked rounds")
struct MaskingRefusalTests {
    // MARK: Terms

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

    // MARK: Rosters

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
            run: run ?? advertisement.run, round: round.map(RoundNumber.init) ?? advertisement.round,
            opening: opening ?? advertisement.opening, stage: advertisement.stage,
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
                run: round.terms.run, round: round.terms.round, opening: round.terms.opening, threshold: threshold,
                advertisements: advertisements)
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
            run: round.terms.run, round: round.terms.round, opening: round.terms.opening, stage: stranger,
            maskKey: pair.0.publicKey, sharingKey: pair.1.publicKey)
        let uninvited = SignedBytes(Signed(advertisement, by: key), by: stranger)
        #expect(throws: MaskingError.unknownSigner(stranger)) { try check(all + [uninvited]) }
        #expect(throws: MaskingError.notAParty(stranger)) {
            var signers = round.signers
            signers[stranger] = key.verifyingKey
            let roster = MaskRoster(
                run: round.terms.run, round: round.terms.round, opening: round.terms.opening, threshold: 3,
                advertisements: all + [uninvited])
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

    // MARK: Shares

    private func members(
        _ round: MaskedRound, _ shares: [Signed<MaskShares>], agreement: MaskAgreement? = nil
    ) throws -> MaskMembers {
        try MaskMembers(
            agreement ?? MaskAgreement(parties: round.parties, shares: shares), parties: round.parties, shares: shares,
            signers: round.signers)
    }

    private func replace(
        _ round: MaskedRound, _ index: Int, _ spoil: (MaskShares) throws -> MaskShares
    ) throws -> [Signed<MaskShares>] {
        try round.shares.enumerated().map { place, signed in
            place == index ? try round.sign(spoil(signed.content), by: signed.content.stage) : signed
        }
    }

    private func change(
        _ shares: MaskShares, roster: Digest? = nil, seed: Digest? = nil, portions: [MaskShares.Portion]? = nil
    ) -> MaskShares {
        MaskShares(
            run: shares.run, round: shares.round, opening: shares.opening, roster: roster ?? shares.roster,
            stage: shares.stage, seed: seed ?? shares.seed, portions: portions ?? shares.portions)
    }

    @Test("Shares of another roster, dealt to others, or not dealt to all are refused by name")
    func dealing() throws {
        let round = try MaskedRound(clouds: 4)
        #expect(try members(round, round.shares).digest == round.members.digest)
        let name = round.clouds[2]
        let undealt = "\(name) has not dealt to each cloud of the roster once"
        for (spoiled, error) in [
            (
                try replace(round, 2) { change($0, roster: round.terms.opening) },
                .otherRoster(document: "mask-shares", from: name.description)
            ),
            (
                try replace(round, 2) { change($0, portions: Array($0.portions.dropLast())) },
                .malformed(document: "mask-shares", undealt)
            ),
            (
                try replace(round, 2) { change($0, portions: [$0.portions[1]] + $0.portions.dropFirst()) },
                .malformed(document: "mask-shares", undealt)
            ),
            (
                try replace(round, 2) { shares in
                    let own = shares.portions[2]
                    let sealed = MaskShares.Portion(
                        receiver: own.receiver, sealed: shares.portions[0].sealed, maskShare: own.maskShare,
                        seedShare: own.seedShare)
                    return change(shares, portions: shares.portions[..<2] + [sealed, shares.portions[3]])
                }, .malformed(document: "mask-shares", "\(name) seals to \(name) what it should not, or does not")
            ),
        ] as [([Signed<MaskShares>], MaskingError)] {
            #expect(throws: error) { try members(round, spoiled) }
        }
    }

    @Test("An agreement must name the shares that are there, each once, and enough of them")
    func agreements() throws {
        let round = try MaskedRound(clouds: 4)
        let good = round.agreement
        func agreement(_ members: [MaskPart], roster: Digest? = nil) -> MaskAgreement {
            MaskAgreement(
                run: good.run, round: good.round, opening: good.opening, roster: roster ?? good.roster, members: members
            )
        }
        let parts = good.members
        let (a, d) = (round.clouds[0], round.clouds[3])
        for (spoiled, shares, error) in [
            (
                agreement(parts, roster: good.opening), round.shares,
                .otherRoster(document: "mask-agreement", from: "aggregate")
            ),
            (agreement(parts + [parts[3]]), round.shares, .listedTwice(d, in: "mask-agreement")),
            (good, round.shares + [round.shares[0]], .listedTwice(a, in: "the shares")),
            (good, Array(round.shares.dropLast()), .otherShares(of: d)),
            (agreement(Array(parts.dropLast())), round.shares, .notAParty(d)),
            (
                agreement([MaskPart(stage: a, digest: good.opening)] + parts.dropFirst()), round.shares,
                .otherShares(of: a)
            ),
            (
                agreement(Array(parts.prefix(2))), Array(round.shares.prefix(2)),
                .tooFewClouds(phase: "have dealt shares", found: 2, needed: 3)
            ),
        ] as [(MaskAgreement, [Signed<MaskShares>], MaskingError)] {
            #expect(throws: error) { try members(round, shares, agreement: spoiled) }
        }
        _ = try members(round, round.shares, agreement: good)
    }

    @Test("Sealed shares that were changed, swapped or reflected do not open; forged commitments name their dealer")
    func sealedShares() throws {
        let round = try MaskedRound(clouds: 4)
        let dealer = round.clouds[2]
        func masking(_ shares: [Signed<MaskShares>], of index: Int = 0) throws {
            _ = try CloudMasking(round.sharings[index], members: members(round, shares))
        }
        func portion(
            _ shares: MaskShares, _ sealed: [UInt8]? = nil, mask: Digest? = nil, seed: Digest? = nil
        ) -> MaskShares {
            let old = shares.portions[0]
            let new = MaskShares.Portion(
                receiver: old.receiver, sealed: sealed ?? old.sealed, maskShare: mask ?? old.maskShare,
                seedShare: seed ?? old.seedShare)
            return change(shares, portions: [new] + shares.portions.dropFirst())
        }
        try masking(round.shares)
        let unreadable = MaskingError.unreadable(document: "mask-shares", from: dealer)
        let flipped = try replace(round, 2) { shares in
            var sealed = shares.portions[0].sealed
            sealed[50] ^= 1
            return portion(shares, sealed)
        }
        #expect(throws: unreadable) { try masking(flipped) }
        let swapped = try replace(round, 2) { portion($0, $0.portions[1].sealed) }
        #expect(throws: unreadable) { try masking(swapped) }
        // What the receiver itself once sealed to the dealer.
        let reflected = try replace(round, 2) { portion($0, round.shares[0].content.portions[2].sealed) }
        #expect(throws: unreadable) { try masking(reflected) }
        let forged = MaskingError.forgedShare(of: dealer, from: dealer)
        let mask = try replace(round, 2) { portion($0, mask: round.terms.opening) }
        #expect(throws: forged) { try masking(mask) }
        let seed = try replace(round, 2) { portion($0, seed: round.terms.opening) }
        #expect(throws: forged) { try masking(seed) }
        // They were meant for cloud 0; the others go on.
        try masking(seed, of: 1)
    }

    @Test("A cloud whose own shares were replaced sits the round out")
    func ownShares() throws {
        let round = try MaskedRound(clouds: 4)
        let replaced = try replace(round, 0) { change($0, seed: round.terms.opening) }
        #expect(throws: MaskingError.otherShares(of: round.clouds[0])) {
            try CloudMasking(round.sharings[0], members: members(round, replaced))
        }
        _ = try CloudMasking(round.sharings[1], members: members(round, replaced))
    }

    // MARK: Survivors and consents

    @Test("A cloud signs no set without itself, with another contribution of its own, with strangers or too few")
    func survivors() throws {
        let round = try MaskedRound(clouds: 4)
        let masking = round.maskings[0]
        let own = MaskedRound.contribution(of: masking.stage)
        let parts = round.survivors(round.clouds).survivors
        func survivors(_ parts: [MaskPart], agreement: Digest? = nil, opening: Digest? = nil) -> MaskSurvivors {
            MaskSurvivors(
                run: round.terms.run, round: round.terms.round, opening: opening ?? round.terms.opening,
                agreement: agreement ?? round.members.digest, survivors: parts)
        }
        let stranger = StageName(cloud: try CloudName("stranger"), kind: .encrypt)
        for (spoiled, error) in [
            (survivors(Array(parts.dropFirst())), .notASurvivor(masking.stage)),
            (
                survivors([MaskPart(stage: masking.stage, digest: round.terms.opening)] + parts.dropFirst()),
                .otherContribution(of: masking.stage)
            ),
            (survivors(parts + [MaskPart(stage: stranger, digest: own)]), .notAParty(stranger)),
            (
                survivors(Array(parts.prefix(2))), .tooFewClouds(phase: "have contributed", found: 2, needed: 3)
            ),
            (survivors([parts[0]] + parts), .listedTwice(masking.stage, in: "mask-survivors")),
            (
                survivors([parts[1], parts[0]] + parts[2...]),
                .malformed(document: "mask-survivors", "stages are not in the order of names")
            ),
            (
                survivors(parts, agreement: round.terms.opening),
                .otherAgreement(document: "mask-survivors", from: "aggregate")
            ),
            (
                survivors(parts, opening: round.members.digest),
                .otherRound(document: "mask-survivors", from: "aggregate")
            ),
        ] as [(MaskSurvivors, MaskingError)] {
            #expect(throws: error) { try masking.decide(spoiled, contribution: own) }
        }
        // None of them has decided anything.
        _ = try masking.decide(survivors(parts), contribution: own)
    }

    @Test("A second set of survivors is refused: by the same cloud, and by its journal after a restart")
    func secondSet() throws {
        let round = try MaskedRound(clouds: 4)
        let (all, three) = (round.survivors(round.clouds), round.survivors(Array(round.clouds.prefix(3))))
        let masking = round.maskings[0]
        let own = MaskedRound.contribution(of: masking.stage)
        let decision = try masking.decide(all, contribution: own)
        #expect(try masking.decide(all, contribution: own) == decision)
        #expect(throws: MaskingError.secondSurvivorSet) { try masking.decide(three, contribution: own) }

        // A journal keeps it as msgpack.
        let journaled = try MaskDecision(decision.value)
        #expect(journaled == decision)
        func restarted(_ decided: MaskDecision?) throws -> CloudMasking {
            let kept = try CloudSecrets(
                restoring: round.secrets[0].encoded(), of: masking.stage, terms: round.terms)
            return try CloudMasking(
                CloudSharing(kept, parties: round.parties), members: round.members, decided: decided)
        }
        #expect(throws: MaskingError.secondSurvivorSet) {
            try restarted(journaled).decide(three, contribution: own)
        }
        #expect(try restarted(journaled).decide(all, contribution: own) == decision)
        // What the journal protects from.
        _ = try restarted(nil).decide(three, contribution: own)

        // A decision of another agreement or another cloud is not this one's.
        let smaller = try MaskedRound(clouds: 4)
        #expect(throws: MaskingError.otherAgreement(document: "mask-survivors", from: "aggregate")) {
            try restarted(MaskDecision(stage: masking.stage, survivors: smaller.survivors(smaller.clouds)))
        }
        #expect(throws: MaskingError.notAParty(round.clouds[1])) {
            try restarted(MaskDecision(stage: round.clouds[1], survivors: all))
        }
    }

    @Test("No share is opened before a decision, for another one, or without the consent of every survivor to it")
    func consents() throws {
        let round = try MaskedRound(clouds: 4)
        let all = round.survivors(round.clouds)
        let masking = round.maskings[0]
        let decision = MaskDecision(stage: masking.stage, survivors: all)
        func disclose(_ consents: [Signed<MaskConsent>], after other: MaskDecision? = nil) throws {
            _ = try masking.disclosure(after: other ?? decision, consents: consents, signers: round.signers)
        }
        #expect(throws: MaskingError.undecided) { try disclose([]) }
        let consents = try round.consents(to: all)
        let three = round.survivors(Array(round.clouds.prefix(3)))
        #expect(throws: MaskingError.secondSurvivorSet) {
            try disclose(consents, after: MaskDecision(stage: masking.stage, survivors: three))
        }
        #expect(throws: MaskingError.missingConsent([round.clouds[3]])) { try disclose(Array(consents.prefix(3))) }
        #expect(throws: MaskingError.missingConsent([round.clouds[0], round.clouds[1]])) {
            try disclose(Array(consents.suffix(2)))
        }
        #expect(throws: MaskingError.listedTwice(round.clouds[1], in: "the consents")) {
            try disclose(consents + [consents[1]])
        }
        // Cloud 3 signed another set, or another round, or somebody else signed for it.
        let name = round.clouds[3]
        let good = consents[3].content
        func consent(
            survivors: Digest? = nil, agreement: Digest? = nil, opening: Digest? = nil, by signer: StageName? = nil
        ) throws -> [Signed<MaskConsent>] {
            let content = MaskConsent(
                run: good.run, round: good.round, opening: opening ?? good.opening,
                agreement: agreement ?? good.agreement, survivors: survivors ?? good.survivors, stage: name)
            return consents.dropLast() + [try round.sign(content, by: signer ?? name)]
        }
        try #expect(consent().last?.bytes == consents[3].bytes)
        for (spoiled, error) in [
            (
                try consent(survivors: three.documentDigest),
                .otherSurvivors(document: "mask-consent", from: name.description)
            ),
            (
                try consent(agreement: round.terms.opening),
                .otherAgreement(document: "mask-consent", from: name.description)
            ),
            (try consent(opening: all.documentDigest), .otherRound(document: "mask-consent", from: name.description)),
        ] as [([Signed<MaskConsent>], MaskingError)] {
            #expect(throws: error) { try disclose(spoiled) }
        }
        #expect(throws: FederationError.badSignature(signer: name.description)) {
            try disclose(consent(by: round.clouds[1]))
        }
        try disclose(consents)
    }

    // MARK: Unmasking

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
                MaskDisclosure(
                    run: survivors.run, round: survivors.round, opening: survivors.opening,
                    agreement: survivors.agreement, survivors: survivors.documentDigest, stage: stages[index],
                    sealed: sealed), by: stages[index])
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
            return try round.sign(
                MaskDisclosure(
                    run: content.run, round: number.map(RoundNumber.init) ?? content.round, opening: content.opening,
                    agreement: agreement ?? content.agreement, survivors: survivors ?? content.survivors,
                    stage: stage ?? content.stage, sealed: sealed ?? content.sealed), by: ending.stages[1])
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

    @Test("A cloud that commits to another seed than it dealt is named when its shares are put together")
    func inconsistentShares() throws {
        for (spoiled, isRefused) in [(false, false), (true, true)] {
            let round = try MaskedRound(clouds: 4)
            let shares = try replace(round, 3) { change($0, seed: spoiled ? round.terms.opening : nil) }
            let members = try members(round, shares)
            // Cloud 3 is the liar, and says nothing afterwards; a cloud must not be able to hide behind that.
            let maskings = try (0..<3).map { try CloudMasking(round.sharings[$0], members: members) }
            let survivors = MaskSurvivors(
                members: members,
                contributions: Dictionary(
                    uniqueKeysWithValues: round.clouds.map { ($0, MaskedRound.contribution(of: $0)) }))
            var consents = try maskings.map { masking in
                let own = MaskedRound.contribution(of: masking.stage)
                return try round.sign(masking.decide(survivors, contribution: own).consent, by: masking.stage)
            }
            let liar = MaskDecision(stage: round.clouds[3], survivors: survivors)
            consents.append(try round.sign(liar.consent, by: liar.stage))
            var unmasking = try Unmasking(round.publisherKeys, members: members, survivors: survivors)
            for masking in maskings {
                let decision = MaskDecision(stage: masking.stage, survivors: survivors)
                let disclosure = try masking.disclosure(after: decision, consents: consents, signers: round.signers)
                try unmasking.add(round.sign(disclosure, by: masking.stage), signers: round.signers)
            }
            let slots = try SlotLayout(bits: 8, cohort: 4)
            if isRefused {
                #expect(throws: MaskingError.inconsistentShares(of: round.clouds[3])) {
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
