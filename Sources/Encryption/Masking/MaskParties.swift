package import Federation
package import Sodium

/// A roster that has been checked: signed by each stage that it lists, for this round, with keys that are all different
/// and usable.
package struct MaskParties: Sendable {
    package let terms: MaskingTerms
    /// The roster's.
    package let digest: Digest
    /// In the order of names. A cloud's index plus one is the point of its shares.
    package let clouds: [MaskAdvertisement]
    package let publisher: MaskAdvertisement

    package init(_ roster: MaskRoster, terms: MaskingTerms, signers: MaskingSigners) throws {
        let document = MaskRoster.kind
        try terms.check(roster)
        guard roster.threshold == terms.threshold else {
            throw MaskingError.malformed(
                document: document, "a threshold of \(roster.threshold), the round's is \(terms.threshold)")
        }
        var parties: [MaskAdvertisement] = []
        for signed in roster.advertisements {
            guard let key = signers[signed.signer] else { throw MaskingError.unknownSigner(signed.signer) }
            let verified = try Signed<MaskAdvertisement>(
                bytes: signed.bytes, signature: signed.signature, key: key, signer: signed.signer.description)
            parties.append(try Self.check(verified, terms: terms, signers: signers))
        }
        try checkOrder(parties.map(\.stage), in: document)
        try Self.checkKeys(parties)
        guard let publisher = parties.first(where: { $0.stage == terms.publisher }) else {
            throw MaskingError.malformed(document: document, "\(terms.publisher) is not in it")
        }
        self.terms = terms
        self.publisher = publisher
        digest = roster.documentDigest
        clouds = parties.filter { $0.stage != terms.publisher }
        for party in clouds {
            guard let helped = party.helped, helped.clouds != clouds.map(\.stage.cloud) else { continue }
            throw MaskingError.heldToOthers(party.stage, helped)
        }
        guard clouds.count >= terms.smallestSet else {
            throw MaskingError.tooFewClouds(
                phase: "have advertised keys", found: clouds.count, needed: terms.smallestSet)
        }
    }

    /// Checks one advertisement by itself: aggregate does so when it comes.
    package static func check(
        _ signed: Signed<MaskAdvertisement>, terms: MaskingTerms, signers: MaskingSigners
    ) throws -> MaskAdvertisement {
        let claimed = signed.content.stage
        guard terms.clouds.contains(claimed) || claimed == terms.publisher else {
            throw MaskingError.notAParty(claimed)
        }
        let advertisement = try signed.content(signedBy: claimed, signers)
        try terms.check(advertisement, from: claimed)
        guard BoxKeyPair.isAgreeable(advertisement.maskKey), BoxKeyPair.isAgreeable(advertisement.sharingKey) else {
            throw MaskingError.unusableKey(of: claimed)
        }
        if let helped = advertisement.helped {
            let reason =
                claimed == terms.publisher
                ? "publish has no part in opening sums"
                : helped.misfit(of: claimed.cloud, in: terms.round, startingFrom: terms.startsFrom)
            if let reason { throw MaskingError.unfitWord(of: claimed, reason) }
        }
        return advertisement
    }

    /// Those whose word it is that the round can be finished over the clouds of the roster alone, and over all of them.
    package var heldBy: [CloudName] { clouds.filter { $0.helped != nil }.map(\.stage.cloud) }

    private static func checkKeys(_ parties: [MaskAdvertisement]) throws(MaskingError) {
        var owners: [[UInt8]: StageName] = [:]
        for party in parties {
            for key in [party.maskKey, party.sharingKey] {
                if let owner = owners.updateValue(party.stage, forKey: key) {
                    throw .keyReused(by: owner, and: party.stage)
                }
            }
        }
    }

    func index(of stage: StageName) -> Int? { clouds.firstIndex { $0.stage == stage } }

    /// Throws unless the roster lists this stage with its own keys.
    func check(own keys: MaskingKeys) throws(MaskingError) {
        guard let listed = (clouds + [publisher]).first(where: { $0.stage == keys.stage }) else {
            throw .notAParty(keys.stage)
        }
        guard listed == keys.advertisement else { throw .foreignKeys(keys.stage) }
    }

    // Labels: what each key and commitment is bound to (docs/protocol.md, "Secure aggregation").

    func shareKeyLabel(from sender: StageName, to receiver: StageName) -> String {
        terms.label("tributary sealed shares 1", [digest, sender, receiver])
    }

    func commitmentLabel(_ kind: MaskShareKind, from sender: StageName, to receiver: StageName) -> String {
        terms.label("tributary \(kind.rawValue) share 1", [digest, sender, receiver])
    }

    func seedLabel(of stage: StageName) -> String {
        terms.label("tributary mask seed 1", [digest, stage])
    }

    func polynomialLabel(_ kind: MaskShareKind) -> String {
        terms.label("tributary \(kind.rawValue) polynomial 1", [digest])
    }
}

/// What is shared: the secret of the mask key, opened if the cloud drops out, or the seed of the self-mask, opened if it
/// does not.
enum MaskShareKind: String {
    case mask, seed
}

extension MaskRoster {
    /// Aggregate's: of advertisements that have been checked, in any order.
    package init(terms: MaskingTerms, advertisements: [Signed<MaskAdvertisement>]) {
        self.init(
            head: terms.head, threshold: terms.threshold,
            advertisements: advertisements.sorted { $0.content.stage < $1.content.stage }.map {
                SignedBytes($0, by: $0.content.stage)
            })
    }
}
