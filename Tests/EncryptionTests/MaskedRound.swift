import Encryption
import Federation
import Sodium

/// A masked round among clouds named a, b, c ... and a publish, played through in one process.
struct MaskedRound {
    let terms: MaskingTerms
    let signing: [StageName: SigningKey]
    let signers: MaskingSigners
    let publisherKeys: MaskingKeys
    let secrets: [CloudSecrets]
    let roster: MaskRoster
    let parties: MaskParties
    let sharings: [CloudSharing]
    let shares: [Signed<MaskShares>]
    let agreement: MaskAgreement
    let members: MaskMembers
    /// In the order of `members`.
    let maskings: [CloudMasking]

    var clouds: [StageName] { members.stages }

    static func stage(_ index: Int) throws -> StageName {
        StageName(cloud: try CloudName("cloud-\(index / 10)\(index % 10)"), kind: .encrypt)
    }

    static func terms(
        clouds: Int, threshold: Int? = nil, minimum: Int = 3, round: UInt32 = 7
    ) throws -> MaskingTerms {
        try MaskingTerms(
            run: RunName("demo"), round: RoundNumber(round), opening: Digest(of: Array("opening \(round)".utf8)),
            clouds: (0..<clouds).map { try stage($0) },
            publisher: StageName(cloud: CloudName("cloud-00x"), kind: .publish),
            threshold: threshold ?? clouds / 2 + 1, minimumCohort: minimum)
    }

    /// - Parameters:
    ///   - absent: clouds that never advertise.
    ///   - silent: clouds that advertise, and deal nothing.
    init(
        clouds: Int, threshold: Int? = nil, minimum: Int = 3, absent: Set<Int> = [], silent: Set<Int> = [],
        round: UInt32 = 7
    ) throws {
        let terms = try MaskedRound.terms(clouds: clouds, threshold: threshold, minimum: minimum, round: round)
        var signing: [StageName: SigningKey] = [:]
        for stage in terms.clouds + [terms.publisher] {
            signing[stage] = try SigningKey(seed: SecretBytes.random(count: SigningKey.seedByteCount))
        }
        func signed<Content: Declaration>(_ content: Content, by stage: StageName) throws -> Signed<Content> {
            guard let key = signing[stage] else { throw MaskingError.unknownSigner(stage) }
            return Signed(content, by: key)
        }
        let signers = signing.mapValues(\.verifyingKey)
        publisherKeys = try MaskingKeys(of: terms.publisher, terms: terms)
        secrets = try terms.clouds.indices.filter { !absent.contains($0) }.map {
            try CloudSecrets(of: terms.clouds[$0], terms: terms)
        }
        let advertisements = try (secrets.map(\.keys) + [publisherKeys]).map {
            try signed($0.advertisement, by: $0.stage)
        }
        roster = MaskRoster(terms: terms, advertisements: advertisements.shuffled())
        let parties = try MaskParties(roster, terms: terms, signers: signers)
        sharings = try secrets.map { try CloudSharing($0, parties: parties) }
        let dealing = try sharings.filter { sharing in
            try !silent.contains { try MaskedRound.stage($0) == sharing.shares.stage }
        }
        shares = try dealing.map { try signed($0.shares, by: $0.shares.stage) }
        agreement = MaskAgreement(parties: parties, shares: shares.shuffled())
        let members = try MaskMembers(agreement, parties: parties, shares: shares.shuffled(), signers: signers)
        maskings = try dealing.map { try CloudMasking($0, members: members) }
        self.terms = terms
        self.signing = signing
        self.signers = signers
        self.parties = parties
        self.members = members
    }

    func sign<Content: Declaration>(_ content: Content, by stage: StageName) throws -> Signed<Content> {
        guard let key = signing[stage] else { throw MaskingError.unknownSigner(stage) }
        return Signed(content, by: key)
    }

    /// What stands for the digest of a cloud's contribution.
    static func contribution(of stage: StageName) -> Digest { Digest(of: Array("contribution of \(stage)".utf8)) }

    func survivors(_ stages: [StageName]) -> MaskSurvivors {
        MaskSurvivors(
            members: members,
            contributions: Dictionary(uniqueKeysWithValues: stages.map { ($0, MaskedRound.contribution(of: $0)) }))
    }

    func masking(_ stage: StageName) throws -> CloudMasking {
        guard let masking = maskings.first(where: { $0.stage == stage }) else { throw MaskingError.notAParty(stage) }
        return masking
    }

    /// Every survivor decides and signs.
    func consents(to survivors: MaskSurvivors) throws -> [Signed<MaskConsent>] {
        try survivors.survivors.map { part in
            let decision = try masking(part.stage).decide(survivors, contribution: part.digest)
            return try sign(decision.consent, by: part.stage)
        }
    }

    func disclosure(
        of stage: StageName, for survivors: MaskSurvivors, consents: [Signed<MaskConsent>]
    ) throws -> Signed<MaskDisclosure> {
        try sign(
            try masking(stage).disclosure(
                after: MaskDecision(stage: stage, survivors: survivors), consents: consents, signers: signers),
            by: stage)
    }

    /// Publish, with the disclosures of `disclosing`, by default as many survivors as are needed.
    func unmasking(of stages: [StageName], disclosing: [StageName]? = nil) throws -> Unmasking {
        let survivors = survivors(stages)
        let consents = try consents(to: survivors)
        var unmasking = try Unmasking(publisherKeys, members: members, survivors: survivors)
        for stage in disclosing ?? Array(stages.shuffled().prefix(terms.threshold)) {
            try unmasking.add(disclosure(of: stage, for: survivors, consents: consents), signers: signers)
        }
        return unmasking
    }

    func opener(of stages: [StageName], layout: VectorLayout, slots: SlotLayout) throws -> any Opener {
        try unmasking(of: stages).opener(layout: layout, slots: slots)
    }
}
