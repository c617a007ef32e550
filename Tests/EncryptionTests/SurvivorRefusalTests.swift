import Encryption
import Federation
import Sodium
import Testing

/// One set of survivors, signed by all of them, or no share is opened.
@Suite("Refused survivor sets")
struct SurvivorRefusalTests {
    @Test("A cloud signs no set without itself, with another contribution of its own, with strangers or too few")
    func survivors() throws {
        let round = try MaskedRound(clouds: 4)
        let masking = round.maskings[0]
        let own = MaskedRound.contribution(of: masking.stage)
        let parts = round.survivors(round.clouds).survivors
        func survivors(_ parts: [MaskPart], agreement: Digest? = nil, opening: Digest? = nil) -> MaskSurvivors {
            MaskSurvivors(
                head: MaskHead(
                    run: round.terms.run, round: round.terms.round, opening: opening ?? round.terms.opening),
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
                restoring: round.secrets[0].encoded(), of: masking.stage, terms: round.terms, decision: decided)
            return try CloudMasking(CloudSharing(kept, parties: round.parties), members: round.members)
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

    @Test("Another agreement of the same round gives no second mask and no second set")
    func otherAgreement() throws {
        let round = try MaskedRound(clouds: 4)
        let (layout, slots) = (try layout(count: 3), try SlotLayout(bits: 8, cohort: 4))
        let first = round.maskings[0]
        let own = MaskedRound.contribution(of: first.stage)
        // Aggregate leaves cloud 3 out, in a second agreement over the same roster and shares.
        let shares = Array(round.shares.dropLast())
        let members = try MaskMembers(
            MaskAgreement(parties: round.parties, shares: shares), parties: round.parties, shares: shares,
            signers: round.signers)
        let second = try CloudMasking(round.sharings[0], members: members)
        _ = try first.scheme(layout: layout, slots: slots)
        #expect(throws: MaskingError.masksSpent) { try second.scheme(layout: layout, slots: slots) }
        _ = try first.decide(round.survivors(round.clouds), contribution: own)
        let others = MaskSurvivors(
            members: members,
            contributions: Dictionary(
                uniqueKeysWithValues: members.stages.map { ($0, MaskedRound.contribution(of: $0)) }))
        #expect(throws: MaskingError.secondSurvivorSet) { try second.decide(others, contribution: own) }
        #expect(throws: MaskingError.otherAgreement(document: "mask-survivors", from: "aggregate")) {
            try CloudMasking(round.sharings[0], members: members)
        }
        // Clouds that have done nothing yet may follow the second.
        let undecided = try CloudMasking(round.sharings[1], members: members)
        _ = try undecided.decide(others, contribution: MaskedRound.contribution(of: undecided.stage))
    }

    @Test("After a restart a contribution that was sealed is not masked again")
    func sealedBefore() throws {
        let round = try MaskedRound(clouds: 3)
        let (layout, slots) = (try layout(count: 3), try SlotLayout(bits: 8, cohort: 3))
        for hasSealed in [false, true] {
            let kept = try CloudSecrets(
                restoring: round.secrets[0].encoded(), of: round.clouds[0], terms: round.terms, hasSealed: hasSealed)
            let masking = try CloudMasking(CloudSharing(kept, parties: round.parties), members: round.members)
            if hasSealed {
                #expect(throws: MaskingError.masksSpent) { try masking.scheme(layout: layout, slots: slots) }
            } else {
                _ = try masking.scheme(layout: layout, slots: slots)
            }
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
                MaskChoice(
                    head: MaskHead(run: good.run, round: good.round, opening: opening ?? good.opening),
                    agreement: agreement ?? good.choice.agreement, survivors: survivors ?? good.choice.survivors,
                    stage: name))
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
}
