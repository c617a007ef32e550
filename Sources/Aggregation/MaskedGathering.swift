package import Encryption
package import Federation
package import Sodium

/// The masks of a round as aggregate sees it: which phase it is in, who has been lost, and whether it is time for the next. A
/// value without clock or socket, like `Gathering`, which has the contributions.
///
/// It waits for every cloud that may still come, but for some of the round's time only, so that one that is not there when
/// the round is opened does not cost the others the whole of it.
package struct MaskedGathering: Sendable {
    private var convener: MaskConvener
    /// Nil until it is known what time it is.
    private var began: UInt64?
    private let deadline: UInt64
    /// Clouds that have said that they have lost their secrets, or that refused what they were sent.
    private var lost: Set<StageName> = []
    private var areConsentsOut = false
    package private(set) var isOver = false
    private let cohort: Set<CloudName>

    /// - Parameter now: milliseconds since 1970, UTC, by the clock that the deadline is of; nil while nobody knows.
    package init(_ opening: Signed<Opening>, publisher: StageName, signers: MaskingSigners, now: UInt64?) throws {
        let terms = try MaskingTerms(opening.content, digest: opening.digest, publisher: publisher)
        convener = MaskConvener(terms: terms, signers: signers)
        began = now
        deadline = opening.content.deadline
        cohort = Set(opening.content.cohort.map(\.cloud))
    }

    package var terms: MaskingTerms { convener.terms }
    /// Nil until the clouds have agreed.
    package var members: MaskMembers? { convener.members }
    package var survivors: MaskSurvivors? { convener.survivors }
    /// Those whose contributions are worth waiting for.
    package var expected: Set<CloudName> {
        Set((convener.members?.stages ?? []).filter { !lost.contains($0) }.map(\.cloud))
    }

    /// The clouds without which the round cannot be finished: where some have helped with a sum over those of the roster, all.
    package var needed: Int {
        guard let parties = convener.parties, !parties.heldBy.isEmpty else { return terms.smallestSet }
        return parties.clouds.count
    }

    /// By whose word it is finished over fewer clouds than the cohort.
    package var heldBy: [CloudName] {
        guard let parties = convener.parties, parties.clouds.count < cohort.count else { return [] }
        return parties.heldBy
    }

    /// Those who are not in the round by others' word.
    package var leftOut: Set<CloudName> {
        guard let parties = convener.parties, !parties.heldBy.isEmpty else { return [] }
        return cohort.subtracting(parties.clouds.map(\.stage.cloud))
    }

    // MARK: what comes

    package mutating func take(_ advertisement: Signed<MaskAdvertisement>) throws { try convener.take(advertisement) }
    package mutating func take(_ shares: Signed<MaskShares>) throws { try convener.take(shares) }
    package mutating func take(_ consent: Signed<MaskConsent>) throws { try convener.take(consent) }
    package mutating func take(contribution digest: Digest, of cloud: CloudName) throws {
        try convener.take(contribution: digest, of: StageName(cloud: cloud, kind: .encrypt))
    }

    /// Nothing more is to be expected of this cloud.
    package mutating func lose(_ cloud: CloudName) { lost.insert(StageName(cloud: cloud, kind: .encrypt)) }
    package func hasLost(_ cloud: CloudName) -> Bool { lost.contains(StageName(cloud: cloud, kind: .encrypt)) }

    // MARK: after a restart: what the journal has of it, in this order, each followed by what came of its phase

    package mutating func adopt(_ roster: MaskRoster) throws { try convener.adopt(roster) }
    package mutating func adopt(_ agreement: MaskAgreement) throws { try convener.adopt(agreement) }
    package mutating func adopt(_ survivors: MaskSurvivors) throws { try convener.adopt(survivors) }
    package mutating func noteConsentsOut() { areConsentsOut = true }
    package mutating func close() { isOver = true }

    // MARK: what to do

    package enum Step: Sendable {
        case wait
        /// To be sent to all who are in it.
        case roster(MaskRoster, CloudSelection)
        /// To be sent to the members that are left, and to publish.
        case agreement(MaskDealing)
        /// To be sent to the survivors.
        case consents(MaskConsents)
        /// The round cannot be finished.
        case shortfall(missing: [CloudName], reason: String)
    }

    /// Goes one step on if it is time; to be asked again until it says to wait.
    ///
    /// - Throws: `MaskingError` where what has come makes no round, naming who is to blame.
    package mutating func step(now: UInt64?) throws -> Step {
        guard !isOver else { return .wait }
        began = began ?? now
        if convener.survivors != nil { return finalStep() }
        // The contributions have the round's own deadline.
        guard convener.members == nil else { return .wait }
        switch readiness(now: now ?? 0) {
        case .wait: return .wait
        case .tooFew(let missing):
            isOver = true
            return .shortfall(
                missing: missing.map(\.cloud),
                reason: heldBy.isEmpty
                    ? "too few clouds are left to agree on masks: \(needed) are needed"
                    : "too few clouds are left to agree on masks: all \(needed) are needed, since some have helped to open a sum over them from the same adapter, in a round that was given up"
            )
        case .split(let choice):
            isOver = true
            let (missing, reason) = choice.shortfall
            return .shortfall(missing: missing, reason: reason)
        case .chosen(let selection): return .roster(try convener.roster(of: selection.clouds), selection)
        case .ready:
            let agreement = try convener.agreement()
            return .agreement(MaskDealing(agreement: agreement, shares: convener.shares))
        }
    }

    private mutating func finalStep() -> Step {
        if let consents = convener.consents {
            guard !areConsentsOut else { return .wait }
            areConsentsOut = true
            return .consents(MaskConsents(consents))
        }
        let gone = convener.awaited.filter(lost.contains)
        guard !gone.isEmpty else { return .wait }
        isOver = true
        return .shortfall(
            missing: gone.map(\.cloud), reason: "a cloud was lost between its contribution and its consent")
    }

    /// Ends the phase of contributions.
    package mutating func nameSurvivors() throws -> MaskSurvivors { try convener.nameSurvivors() }

    private enum Readiness {
        case wait, ready
        /// Before there is a roster, whose it is.
        case chosen(CloudSelection)
        case tooFew(missing: [StageName])
        /// What the clouds can help with does not go together, or with what is needed.
        case split(CloudChoice)
    }

    private func readiness(now: UInt64) -> Readiness {
        let clouds = convener.parties?.clouds.map(\.stage) ?? terms.clouds
        let able = clouds.filter { !lost.contains($0) }
        let awaited = convener.awaited.filter { !lost.contains($0) }
        if able.count < needed { return .tooFew(missing: terms.clouds.filter { !able.contains($0) }) }
        if convener.parties == nil { return readiness(toName: able, awaited, now: now) }
        if awaited.isEmpty { return .ready }
        let isEnough = able.count(where: { !awaited.contains($0) }) >= needed
        if isEnough, now >= phaseEnd { return .ready }
        return now >= deadline ? .tooFew(missing: awaited) : .wait
    }

    private func readiness(toName able: [StageName], _ awaited: [StageName], now: UInt64) -> Readiness {
        let words = convener.words
        let choice = CloudChoice(
            cohort: cohort, present: Set(able.filter { !awaited.contains($0) }.map(\.cloud)), words: words,
            needed: terms.smallestSet, minimum: terms.minimumCohort, helpers: terms.threshold)
        let selection = choice.selection
        if awaited.isEmpty { return selection.map(Readiness.chosen) ?? .split(choice) }
        if let selection, now >= phaseEnd, !awaited.contains(terms.publisher) { return .chosen(selection) }
        guard now >= deadline else { return .wait }
        return words.isEmpty || awaited == [terms.publisher] ? .tooFew(missing: awaited) : .split(choice)
    }

    /// A quarter of the round's time is for advertisements, another for shares.
    private var phaseEnd: UInt64 {
        guard let began else { return deadline }
        let time = deadline > began ? deadline - began : 0
        return began + (convener.parties == nil ? time / 4 : time / 2)
    }
}
