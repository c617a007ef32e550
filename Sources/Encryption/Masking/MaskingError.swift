package import Federation

/// Why a step of a masked round was refused. Stages and documents are named, secrets never.
package enum MaskingError: Error, Equatable, CustomStringConvertible {
    case invalidTerms(String)
    /// A document of another run, round or opening.
    case otherRound(document: String, from: String)
    case unknownSigner(StageName)
    /// A document of a phase that has not begun, or is over.
    case early(document: String, from: StageName)
    case late(document: String, from: StageName)
    /// A second document of its kind, with other bytes.
    case changed(document: String, from: StageName)
    case notAParty(StageName)
    case listedTwice(StageName, in: String)
    /// Names out of order, a missing publish, another threshold: what no honest aggregate makes.
    case malformed(document: String, String)
    case tooFewClouds(phase: String, found: Int, needed: Int)
    /// A key of small order, or in another form than its one.
    case unusableKey(of: StageName)
    case keyReused(by: StageName, and: StageName)
    /// The roster lists other keys for this stage than its own.
    case foreignKeys(StageName)
    /// What a stage says of a sum that it has helped to open cannot be.
    case unfitWord(of: StageName, String)
    /// A cloud can help with a sum over other clouds than these alone.
    case heldToOthers(StageName, HelpedSum)
    case otherRoster(document: String, from: String)
    case otherAgreement(document: String, from: String)
    case otherSurvivors(document: String, from: String)
    case otherShares(of: StageName)
    /// Sealed bytes that were not sealed for this receiver, round and roster.
    case unreadable(document: String, from: StageName)
    /// A share that is not the one that its cloud committed to.
    case forgedShare(of: StageName, from: StageName)
    case notASurvivor(StageName)
    case otherContribution(of: StageName)
    /// Another set of survivors than the one that was decided on: nothing is opened for it.
    case secondSurvivorSet
    case undecided
    case missingConsent([StageName])
    case tooFewShares(found: Int, needed: Int)
    /// Shares that are those committed to, and make another secret than the one that was advertised.
    case inconsistentShares(of: StageName)
    /// No value is masked twice: two payloads under one mask give their difference away.
    case masksSpent
    /// A scheme that only adds was asked to seal.
    case noMasks
    case wrongSurvivorCount(found: Int, expected: Int)
    case invalidShares(String)

    package var description: String {
        switch self {
        case .invalidTerms(let reason): "no masked round: \(reason)"
        case .otherRound(let document, let sender): "\(document) of \(sender) is of another run, round or opening"
        case .early(let document, let stage): "\(document) of \(stage): its phase has not begun"
        case .late(let document, let stage): "\(document) of \(stage): its phase is over"
        case .changed(let document, let stage): "\(stage) sent \(document) before, with other bytes"
        case .unknownSigner(let stage): "no key is known for \(stage): its card is missing"
        case .notAParty(let stage): "\(stage) has no part in this masked round"
        case .listedTwice(let stage, let document): "\(stage) appears twice in \(document)"
        case .malformed(let document, let reason): "\(document): \(reason)"
        case .tooFewClouds(let phase, let found, let needed):
            "\(found) clouds \(phase), at least \(needed) are needed: the round cannot be finished"
        case .unusableKey(let stage):
            "a key that \(stage) advertises is of small order or not in its one form: it would hide nothing"
        case .keyReused(let first, let second):
            "\(first) and \(second) advertise the same key" + (first == second ? " twice" : "")
        case .foreignKeys(let stage): "the roster lists other keys for \(stage) than its own of this round"
        case .unfitWord(let stage, let reason): "\(stage): \(reason)"
        case .heldToOthers(let stage, let helped):
            "the roster is not over \(helped.named), and \(stage) can help with no other sum from this adapter: it has helped to open one in round \(helped.round)"
        case .otherRoster(let document, let sender): "\(document) of \(sender) answers another roster"
        case .otherAgreement(let document, let sender): "\(document) of \(sender) answers another agreement"
        case .otherSurvivors(let document, let sender): "\(document) of \(sender) is about another set of survivors"
        case .otherShares(let stage): "the shares of \(stage) are not those that the agreement names"
        case .unreadable(let document, let stage):
            "\(document) of \(stage) does not open: it was not sealed for this receiver and round, or was changed"
        case .forgedShare(let dealer, let holder):
            dealer == holder
                ? "a share that \(dealer) sealed is not the one that it committed to"
                : "\(holder) opened a share of \(dealer)'s secret that is not the one that it was given"
        case .notASurvivor(let stage): "\(stage) is not among the survivors: it has nothing to sign or to open"
        case .otherContribution(let stage): "the survivors name a contribution of \(stage) that is not its own"
        case .secondSurvivorSet:
            "another set of survivors was decided on in this round: opening shares for two sets could unmask a cloud"
        case .undecided: "no set of survivors was decided on: a decision comes before any share is opened"
        case .missingConsent(let stages):
            "no consent of \(stages.map(\.description).joined(separator: ", ")): all survivors sign before a share is opened"
        case .tooFewShares(let found, let needed):
            "\(found) clouds have opened their shares, \(needed) are needed to remove the masks"
        case .inconsistentShares(let stage):
            "the shares that \(stage) dealt do not make the secret that it advertised: it cannot be unmasked"
        case .masksSpent: "these masks were used: no value is masked twice"
        case .noMasks: "this scheme has no masks: it adds what others have sealed"
        case .wrongSurvivorCount(let found, let expected):
            "a sum of \(found) contributions was announced, masks of \(expected) survivors are known"
        case .invalidShares(let reason): "shares of a secret: \(reason)"
        }
    }
}
