import Aggregation
import Encryption
import Federation
import Sodium
import StageKit

/// Publish's part in a masked round (`suite: secagg`): it masks with every cloud, contributes nothing, and takes the masks off
/// the sum with what the survivors open to it. Its keys are in this value and nowhere else: a publish that is killed has lost
/// them, and gives the round up.
struct RoundUnmasking: Sendable {
    private let keys: MaskingKeys
    private let signers: MaskingSigners
    private var parties: MaskParties?
    private(set) var members: MaskMembers?
    private var unmasking: Unmasking?
    /// Clouds whose disclosure is here.
    private(set) var helpers: Set<CloudName> = []
    /// Clouds whose disclosure was wrong.
    private(set) var refused: Set<CloudName> = []

    init(_ opening: Signed<Opening>, publisher: StageName, signers: MaskingSigners) throws {
        keys = try MaskingKeys(
            of: publisher, terms: MaskingTerms(opening.content, digest: opening.digest, publisher: publisher))
        self.signers = signers
    }

    var advertisement: MaskAdvertisement { keys.advertisement }
    var threshold: Int { keys.terms.threshold }

    /// By whose word the round is over the clouds of the roster alone.
    var heldBy: [CloudName] { parties?.heldBy ?? [] }

    // MARK: What comes

    /// Whether it is time for a transfer of this kind.
    func awaits(_ kind: TransferKind) -> Bool {
        switch kind {
        case .roster: parties == nil
        case .agreement: parties != nil && members == nil
        case .survivors: members != nil && unmasking == nil
        default: unmasking != nil
        }
    }

    private func key(of stage: StageName) throws -> any SignatureVerifier {
        guard let key = signers[stage] else { throw MaskingError.unknownSigner(stage) }
        return key
    }

    mutating func take(_ arrival: Arrival) throws {
        let payload = try arrival.payload.read()
        switch arrival.offer.name.kind {
        case .roster:
            parties = try MaskParties(MaskRoster(payload: payload), terms: keys.terms, signers: signers)
        case .agreement:
            guard let parties else { throw MaskingError.early(document: MaskAgreement.kind, from: arrival.peer) }
            let dealing = try MaskDealing(payload: payload, key: key)
            members = try MaskMembers(dealing.agreement, parties: parties, shares: dealing.shares, signers: signers)
        case .survivors:
            guard let members else { throw MaskingError.early(document: MaskSurvivors.kind, from: arrival.peer) }
            unmasking = try Unmasking(keys, members: members, survivors: MaskSurvivors(payload: payload))
        default:
            let disclosure = try Signed<MaskDisclosure>(payload: payload, of: arrival.peer, key: key)
            try unmasking?.add(disclosure, signers: signers)
            helpers.insert(arrival.peer.cloud)
        }
    }

    mutating func refuse(disclosureOf cloud: CloudName) { refused.insert(cloud) }

    // MARK: The sum

    /// Bytes of a sum; nil until the clouds have agreed.
    func sumByteCount(of opening: Opening) throws -> Int? { try scheme(for: opening)?.shape.byteCount }

    private func scheme(for opening: Opening) throws -> MaskedScheme? {
        guard let members else { return nil }
        let slots = try SlotLayout(bits: opening.bits, cohort: opening.cohort.count)
        return MaskedScheme(agreement: members.digest, layout: opening.sealed, slots: slots)
    }

    /// Whether enough survivors have opened their shares.
    var isSufficient: Bool { unmasking?.isSufficient ?? false }
    /// Whether it is still possible that enough do.
    var isHopeful: Bool {
        guard let unmasking else { return true }
        return unmasking.contributors.count - refused.count >= threshold
    }

    /// Throws unless a sum is announced, and recorded, as that of the survivors' contributions.
    func check(_ sum: SumAbout, _ contributions: [RecordedContribution]) throws {
        guard let unmasking, let members else { throw MaskingError.undecided }
        let named = unmasking.survivors.survivors.map(\.digest)
        guard unmasking.contributors.map(\.cloud) == sum.parts.map(\.cloud), named == sum.parts.map(\.digest),
            contributions.map(\.cloud) == sum.parts.map(\.cloud), named == contributions.map(\.digest),
            contributions.allSatisfy({ $0.about.keyID == MaskAgreement.name(members.digest) })
        else { throw MaskingError.otherSurvivors(document: "sum", from: "aggregate") }
    }

    /// Takes the masks off that sum; throws who is to blame if it cannot.
    func opener(for opening: Opening) throws -> SumOpener? {
        guard let unmasking, let scheme = try scheme(for: opening) else { return nil }
        return .masked(
            try unmasking.opener(layout: opening.sealed, slots: scheme.sealing.slots), scheme)
    }
}
