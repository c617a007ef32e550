import Encryption
import Federation
import Sodium
import StageKit

/// Where a cloud is in a masked round (`suite: secagg`). Its secrets are in this value and nowhere else: a stage that is
/// killed has lost them, and sits the round out.
struct RoundMasking: Sendable {
    private enum Phase: Sendable {
        case advertised(CloudSecrets)
        case dealt(CloudSharing)
        case masked(CloudMasking)
        case decided(CloudMasking)
        case opened
    }

    private let signers: MaskingSigners
    private let ownKeys: MaskingKeys
    private var phase: Phase
    /// What aggregate sends next; nil once all is opened.
    private(set) var awaited: TransferKind? = .roster
    /// The name of the agreement, once there is one.
    private(set) var agreement: [UInt8] = []
    /// The digest of what this cloud has sealed.
    var contribution: Digest?
    /// Of what aggregate has sent for the masks.
    var receivedBytes = 0

    /// Makes the round's secrets.
    init(
        _ opening: Signed<Opening>, stage: StageName, publisher: StageName, signers: MaskingSigners,
        helped: HelpedSum?
    ) throws {
        let terms = try MaskingTerms(opening.content, digest: opening.digest, publisher: publisher)
        let secrets = try CloudSecrets(of: stage, terms: terms, helped: helped)
        self.signers = signers
        ownKeys = secrets.keys
        phase = .advertised(secrets)
    }

    var advertisement: MaskAdvertisement { ownKeys.advertisement }

    private func key(of stage: StageName) throws -> any SignatureVerifier {
        guard let key = signers[stage] else { throw MaskingError.unknownSigner(stage) }
        return key
    }

    /// Checks a roster and deals this cloud's shares to those in it.
    mutating func deal(_ roster: [UInt8]) throws -> MaskShares {
        guard case .advertised(let secrets) = phase else { throw disorder(MaskRoster.kind) }
        let parties = try MaskParties(MaskRoster(payload: roster), terms: secrets.keys.terms, signers: signers)
        let sharing = try CloudSharing(secrets, parties: parties)
        (phase, awaited) = (.dealt(sharing), .agreement)
        return sharing.shares
    }

    /// Checks an agreement and the shares that came with it, and makes this cloud's masks, which seal one vector.
    mutating func agree(_ dealing: [UInt8], on opening: Opening) throws -> MaskedScheme {
        guard case .dealt(let sharing) = phase else { throw disorder(MaskAgreement.kind) }
        let dealing = try MaskDealing(payload: dealing, key: key)
        let members = try MaskMembers(
            dealing.agreement, parties: sharing.parties, shares: dealing.shares, signers: signers)
        let masking = try CloudMasking(sharing, members: members)
        let slots = try SlotLayout(bits: opening.bits, cohort: opening.cohort.count)
        let scheme = try masking.scheme(layout: opening.sealed, slots: slots)
        (phase, awaited) = (.masked(masking), .survivors)
        agreement = MaskAgreement.name(members.digest)
        return scheme
    }

    /// Checks the survivors and decides on them; from here there is no other set in this round.
    mutating func decide(_ survivors: [UInt8]) throws -> MaskDecision {
        guard case .masked(let masking) = phase else { throw disorder(MaskSurvivors.kind) }
        guard let contribution else { throw MaskingError.notASurvivor(masking.stage) }
        let decision = try masking.decide(MaskSurvivors(payload: survivors), contribution: contribution)
        (phase, awaited) = (.decided(masking), .consents)
        return decision
    }

    /// Opens this cloud's shares, once all survivors have consented to what the journal says that this one has decided.
    mutating func open(_ consents: [UInt8], after decision: MaskDecision) throws -> MaskDisclosure {
        guard case .decided(let masking) = phase else { throw disorder(MaskConsent.kind) }
        let consents = try MaskConsents(payload: consents, key: key).consents
        let disclosure = try masking.disclosure(after: decision, consents: consents, signers: signers)
        (phase, awaited) = (.opened, nil)
        return disclosure
    }

    private func disorder(_ document: String) -> MaskingError {
        .malformed(document: document, "it comes where \(awaited?.rawValue ?? "nothing") was awaited")
    }
}
