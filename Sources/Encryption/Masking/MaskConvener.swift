package import Federation
package import Sodium

/// Aggregate's end of a masked round: gathers what the parties send, phase by phase, and names who is in each.
///
/// A value that knows no clock: when a phase is over, by its deadline or because nobody is missing, is the stage's to say.
/// What it names goes into the journal before it is sent; after a restart the journaled documents are taken again, in order,
/// and the roster, agreement and survivors adopted instead of made.
package struct MaskConvener: Sendable {
    package let terms: MaskingTerms
    private let signers: MaskingSigners
    private var advertisements: [StageName: Signed<MaskAdvertisement>] = [:]
    private var dealt: [StageName: Signed<MaskShares>] = [:]
    private var contributions: [StageName: Digest] = [:]
    private var signed: [StageName: Signed<MaskConsent>] = [:]

    /// Nil until the roster is made.
    package private(set) var parties: MaskParties?
    /// Nil until the agreement is made.
    package private(set) var members: MaskMembers?
    /// Nil until the survivors are named.
    package private(set) var survivors: MaskSurvivors?

    package init(terms: MaskingTerms, signers: MaskingSigners) {
        self.terms = terms
        self.signers = signers
    }

    /// Who has not yet sent what this phase waits for.
    package var awaited: [StageName] {
        if let survivors { return survivors.survivors.map(\.stage).filter { signed[$0] == nil } }
        if let members { return members.stages.filter { contributions[$0] == nil } }
        if let parties { return parties.clouds.map(\.stage).filter { dealt[$0] == nil } }
        return (terms.clouds + [terms.publisher]).filter { advertisements[$0] == nil }
    }

    // MARK: Advertisements

    package var advertised: Set<StageName> { Set(advertisements.keys) }

    /// What clouds have said with their keys of sums that they have helped to open.
    package var words: [CloudName: HelpedSum] {
        advertisements.values.reduce(into: [:]) { $0[$1.content.stage.cloud] = $1.content.helped }
    }

    /// The same advertisement again changes nothing; another one of the same stage is refused.
    package mutating func take(_ advertisement: Signed<MaskAdvertisement>) throws {
        let sender = try MaskParties.check(advertisement, terms: terms, signers: signers).stage
        try Self.keep(
            advertisement, of: sender, in: &advertisements, isOpen: parties == nil, called: MaskAdvertisement.kind)
    }

    /// Ends the phase.
    ///
    /// - Parameter clouds: of those who have advertised; nil for all of them.
    package mutating func roster(of clouds: Set<CloudName>? = nil) throws -> MaskRoster {
        let chosen = advertisements.values.filter { signed in
            let stage = signed.content.stage
            return stage == terms.publisher || clouds?.contains(stage.cloud) ?? true
        }
        let roster = MaskRoster(terms: terms, advertisements: chosen)
        try adopt(roster)
        return roster
    }

    package mutating func adopt(_ roster: MaskRoster) throws {
        let adopted = try MaskParties(roster, terms: terms, signers: signers)
        guard parties.map({ $0.digest == adopted.digest }) ?? true else {
            throw MaskingError.otherRoster(document: MaskRoster.kind, from: "aggregate")
        }
        parties = adopted
    }

    // MARK: Shares

    package mutating func take(_ shares: Signed<MaskShares>) throws {
        guard let parties else { throw MaskingError.early(document: MaskShares.kind, from: shares.content.stage) }
        let sender = try MaskMembers.check(shares, parties: parties, signers: signers).stage
        try Self.keep(shares, of: sender, in: &dealt, isOpen: members == nil, called: MaskShares.kind)
    }

    /// Ends the phase. Each member is then sent the agreement and the shares of all.
    package mutating func agreement() throws -> MaskAgreement {
        guard let parties else { throw MaskingError.early(document: MaskAgreement.kind, from: terms.publisher) }
        let agreement = MaskAgreement(parties: parties, shares: Array(dealt.values))
        try adopt(agreement)
        return agreement
    }

    package mutating func adopt(_ agreement: MaskAgreement) throws {
        guard let parties else { throw MaskingError.early(document: MaskAgreement.kind, from: terms.publisher) }
        let shares = agreement.members.compactMap { dealt[$0.stage] }
        let adopted = try MaskMembers(agreement, parties: parties, shares: shares, signers: signers)
        guard members.map({ $0.digest == adopted.digest }) ?? true else {
            throw MaskingError.otherAgreement(document: MaskAgreement.kind, from: "aggregate")
        }
        members = adopted
    }

    /// The shares of the agreement's members, in its order.
    package var shares: [Signed<MaskShares>] { members?.stages.compactMap { dealt[$0] } ?? [] }

    // MARK: Contributions

    /// Notes that the contribution of `stage` is in the sum.
    package mutating func take(contribution digest: Digest, of stage: StageName) throws {
        guard let members else { throw MaskingError.early(document: "contribution", from: stage) }
        guard members.index(of: stage) != nil else { throw MaskingError.notAParty(stage) }
        if let earlier = contributions[stage] {
            guard earlier == digest else { throw MaskingError.otherContribution(of: stage) }
            return
        }
        guard survivors == nil else { throw MaskingError.late(document: "contribution", from: stage) }
        contributions[stage] = digest
    }

    /// Ends the phase: whose contributions have come by now are the survivors.
    package mutating func nameSurvivors() throws -> MaskSurvivors {
        guard let members else { throw MaskingError.early(document: MaskSurvivors.kind, from: terms.publisher) }
        let named = survivors ?? MaskSurvivors(members: members, contributions: contributions)
        try adopt(named)
        return named
    }

    package mutating func adopt(_ named: MaskSurvivors) throws {
        guard let members else { throw MaskingError.early(document: MaskSurvivors.kind, from: terms.publisher) }
        try members.check(named)
        guard survivors.map({ $0 == named }) ?? true else { throw MaskingError.secondSurvivorSet }
        survivors = named
    }

    // MARK: Consents

    package mutating func take(_ consent: Signed<MaskConsent>) throws {
        let sender = consent.content.stage
        guard let members, let survivors else {
            throw MaskingError.early(document: MaskConsent.kind, from: sender)
        }
        try members.check(consent, to: survivors, signers: signers)
        try Self.keep(consent, of: sender, in: &signed, isOpen: true, called: MaskConsent.kind)
    }

    /// For all survivors, once nobody's is missing.
    package var consents: [Signed<MaskConsent>]? {
        guard let survivors, awaited.isEmpty else { return nil }
        return survivors.survivors.compactMap { signed[$0.stage] }
    }

    private static func keep<Content: Declaration>(
        _ document: Signed<Content>, of sender: StageName, in kept: inout [StageName: Signed<Content>], isOpen: Bool,
        called kind: String
    ) throws(MaskingError) {
        if let earlier = kept[sender] {
            guard earlier.bytes == document.bytes else { throw .changed(document: kind, from: sender) }
            return
        }
        guard isOpen else { throw .late(document: kind, from: sender) }
        kept[sender] = document
    }
}
