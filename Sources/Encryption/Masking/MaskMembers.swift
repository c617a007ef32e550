package import Federation
package import Sodium

/// An agreement that has been checked against what its members signed: who masks with whom, and what each dealt.
package struct MaskMembers: Sendable {
    package let parties: MaskParties
    /// The agreement's: names the masks of the round.
    package let digest: Digest
    /// In the order of names.
    package let shares: [MaskShares]

    package var stages: [StageName] { shares.map(\.stage) }
    package var terms: MaskingTerms { parties.terms }

    /// - Parameter shares: of every member, in any order; those of others are refused.
    package init(
        _ agreement: MaskAgreement, parties: MaskParties, shares: [Signed<MaskShares>], signers: MaskingSigners
    ) throws {
        let document = MaskAgreement.kind
        try parties.terms.check(agreement)
        guard agreement.roster == parties.digest else {
            throw MaskingError.otherRoster(document: document, from: "aggregate")
        }
        try checkOrder(agreement.members.map(\.stage), in: document)
        guard agreement.members.count >= parties.terms.smallestSet else {
            throw MaskingError.tooFewClouds(
                phase: "have dealt shares", found: agreement.members.count, needed: parties.terms.smallestSet)
        }
        var dealt: [StageName: Signed<MaskShares>] = [:]
        for signed in shares where dealt.updateValue(signed, forKey: signed.content.stage) != nil {
            throw MaskingError.listedTwice(signed.content.stage, in: "the shares")
        }
        var checked: [MaskShares] = []
        for member in agreement.members {
            guard let signed = dealt.removeValue(forKey: member.stage), signed.digest == member.digest else {
                throw MaskingError.otherShares(of: member.stage)
            }
            checked.append(try Self.check(signed, parties: parties, signers: signers))
        }
        if let stranger = dealt.keys.sorted().first { throw MaskingError.notAParty(stranger) }
        self.parties = parties
        self.shares = checked
        digest = agreement.documentDigest
    }

    /// Checks one cloud's shares by themselves: aggregate does so when they come.
    package static func check(
        _ signed: Signed<MaskShares>, parties: MaskParties, signers: MaskingSigners
    ) throws -> MaskShares {
        let sender = signed.content.stage
        guard let index = parties.index(of: sender) else { throw MaskingError.notAParty(sender) }
        let shares = try signed.content(signedBy: sender, signers)
        let document = MaskShares.kind
        try parties.terms.check(shares, from: sender)
        guard shares.roster == parties.digest else {
            throw MaskingError.otherRoster(document: document, from: sender.description)
        }
        guard shares.portions.map(\.receiver) == parties.clouds.map(\.stage) else {
            throw MaskingError.malformed(document: document, "\(sender) has not dealt to each cloud of the roster once")
        }
        for (place, portion) in shares.portions.enumerated() {
            guard portion.sealed.isEmpty == (place == index) else {
                throw MaskingError.malformed(
                    document: document, "\(sender) seals to \(portion.receiver) what it should not, or does not")
            }
        }
        return shares
    }

    func index(of stage: StageName) -> Int? { shares.firstIndex { $0.stage == stage } }

    /// Throws unless these survivors are enough members of this agreement.
    package func check(_ survivors: MaskSurvivors) throws {
        let document = MaskSurvivors.kind
        try terms.check(survivors)
        guard survivors.agreement == digest else {
            throw MaskingError.otherAgreement(document: document, from: "aggregate")
        }
        let stages = survivors.survivors.map(\.stage)
        try checkOrder(stages, in: document)
        for stage in stages where index(of: stage) == nil { throw MaskingError.notAParty(stage) }
        guard stages.count >= terms.smallestSet else {
            throw MaskingError.tooFewClouds(phase: "have contributed", found: stages.count, needed: terms.smallestSet)
        }
    }

    /// Throws unless a survivor has signed this set.
    func check(_ signed: Signed<MaskConsent>, to survivors: MaskSurvivors, signers: MaskingSigners) throws {
        let sender = signed.content.stage
        guard survivors.survivors.contains(where: { $0.stage == sender }) else {
            throw MaskingError.notASurvivor(sender)
        }
        let consent = try signed.content(signedBy: sender, signers)
        try check(consent, of: consent.choice, to: survivors.documentDigest)
    }

    /// Throws unless a document is about this round, this agreement and these survivors.
    func check(_ document: some MaskDocument, of choice: MaskChoice, to survivors: Digest) throws(MaskingError) {
        let (kind, sender) = (type(of: document).kind, choice.stage)
        try terms.check(document, from: sender)
        guard choice.agreement == digest else { throw .otherAgreement(document: kind, from: sender.description) }
        guard choice.survivors == survivors else { throw .otherSurvivors(document: kind, from: sender.description) }
    }

    func agreementLabel(_ purpose: String, _ parts: [any CustomStringConvertible]) -> String {
        terms.label(purpose, [digest] + parts)
    }

    /// Of the masks that two parties have in common, whichever of them asks.
    func pairLabel(_ one: StageName, _ other: StageName) -> String {
        agreementLabel("tributary pairwise mask 1", [min(one, other), max(one, other)])
    }

    func selfLabel(of stage: StageName) -> String { agreementLabel("tributary self mask 1", [stage]) }

    func disclosureLabel(survivors: Digest, from stage: StageName) -> String {
        agreementLabel("tributary mask disclosure 1", [survivors, stage])
    }

    /// The sign with which `stage` adds the mask that it has in common with `other`.
    func sign(of stage: StageName, with other: StageName) -> MaskStreams.Sign { stage < other ? .plus : .minus }
}

extension MaskAgreement {
    /// Aggregate's: of shares that have been checked, in any order.
    package init(parties: MaskParties, shares: [Signed<MaskShares>]) {
        self.init(
            head: parties.terms.head, roster: parties.digest,
            members: shares.map { MaskPart(stage: $0.content.stage, digest: $0.digest) }
                .sorted { $0.stage < $1.stage })
    }
}

extension MaskSurvivors {
    /// Aggregate's: the digests of the contributions that are in its sum.
    package init(members: MaskMembers, contributions: [StageName: Digest]) {
        let terms = members.terms
        self.init(
            head: terms.head, agreement: members.digest,
            survivors: contributions.map { MaskPart(stage: $0.key, digest: $0.value) }.sorted { $0.stage < $1.stage })
    }
}
