package import Federation
import Sodium

/// Publish's end of a masked round: takes what the survivors open for one set, and makes of it an opener for that set's sum.
///
/// It holds no shares of its own and opens none: what it adds to the masks it takes away itself, from the sum alone.
package struct Unmasking: Sendable {
    package let members: MaskMembers
    package let survivors: MaskSurvivors
    private let keys: MaskingKeys
    private let digest: Digest
    /// 32 bytes for each member, in order, of each survivor that has opened its shares.
    private var opened: [StageName: SecretBytes] = [:]

    /// - Parameter keys: those that publish has advertised.
    package init(_ keys: MaskingKeys, members: MaskMembers, survivors: MaskSurvivors) throws {
        guard keys.stage == members.terms.publisher, keys.terms == members.terms else {
            throw MaskingError.notAParty(keys.stage)
        }
        try members.parties.check(own: keys)
        try members.check(survivors)
        self.keys = keys
        self.members = members
        self.survivors = survivors
        digest = survivors.documentDigest
    }

    package var contributors: [StageName] { survivors.survivors.map(\.stage) }
    package var disclosures: Int { opened.count }
    /// Whether the sum can be opened.
    package var isSufficient: Bool { opened.count >= members.terms.threshold }

    /// Takes a survivor's disclosure, whole or not at all.
    ///
    /// - Throws: `MaskingError.forgedShare`, naming its maker, if a share in it is not the one that was dealt.
    package mutating func add(_ signed: Signed<MaskDisclosure>, signers: MaskingSigners) throws {
        let sender = signed.content.stage
        let document = MaskDisclosure.kind
        guard contributors.contains(sender), let holder = members.parties.index(of: sender) else {
            throw MaskingError.notASurvivor(sender)
        }
        let disclosure = try signed.content(signedBy: sender, signers)
        try members.check(disclosure, of: disclosure.choice, to: digest)
        guard opened[sender] == nil else { throw MaskingError.listedTwice(sender, in: "the disclosures") }
        let label = members.disclosureLabel(survivors: digest, from: sender)
        let key = try keys.sharing.key(with: members.parties.clouds[holder].sharingKey, label: label)
        guard let shares = try SealedSecret.open(disclosure.sealed, key: key, label: label),
            shares.count == members.shares.count * MaskDisclosure.shareByteCount
        else { throw MaskingError.unreadable(document: document, from: sender) }
        try shares.withUnsafeBytes { try check($0, of: sender, at: holder) }
        opened[sender] = shares
    }

    private func kind(of member: StageName) -> MaskShareKind { contributors.contains(member) ? .seed : .mask }

    private func check(_ shares: UnsafeRawBufferPointer, of sender: StageName, at holder: Int) throws {
        for (index, dealt) in members.shares.enumerated() {
            let kind = kind(of: dealt.stage)
            let portion = dealt.portions[holder]
            let found = try KeyedHash.commitment(
                to: UnsafeRawBufferPointer(rebasing: shares[index * 32..<(index + 1) * 32]),
                label: members.parties.commitmentLabel(kind, from: dealt.stage, to: sender))
            guard found == (kind == .mask ? portion.maskShare : portion.seedShare) else {
                throw MaskingError.forgedShare(of: dealt.stage, from: sender)
            }
        }
    }

    /// The opener for the sum of the survivors' contributions.
    ///
    /// - Throws: `MaskingError.tooFewShares`; `.inconsistentShares`, naming a cloud that dealt shares of something else than
    ///   what it advertised.
    package func opener(layout: VectorLayout, slots: SlotLayout) throws -> MaskOpener {
        let threshold = members.terms.threshold
        guard isSufficient else { throw MaskingError.tooFewShares(found: opened.count, needed: threshold) }
        let holders = opened.keys.sorted().prefix(threshold)
        let points = try holders.map { holder in
            guard let index = members.parties.index(of: holder) else { throw MaskingError.notAParty(holder) }
            return UInt8(index + 1)
        }
        var removals: [Removal] = []
        for (index, dealt) in members.shares.enumerated() {
            let secret = try SecretSharing.secret(points: points, shares: row(index, of: Array(holders)))
            switch kind(of: dealt.stage) {
            case .seed: try appendSurvivor(dealt, seed: secret, to: &removals)
            case .mask: try appendDropped(dealt, secret: secret, to: &removals)
            }
        }
        let streams = try MaskStreams(signs: removals.map(\.sign)) { key in
            for (index, removal) in removals.enumerated() {
                removal.key.withUnsafeBytes { key(index).copyMemory(from: $0) }
            }
        }
        return MaskOpener(
            agreement: members.digest, layout: layout, slots: slots, survivors: contributors.count, streams: streams)
    }

    private struct Removal {
        let key: SecretBytes
        let sign: MaskStreams.Sign
    }

    /// The shares of one member's secret that these clouds have opened.
    private func row(_ index: Int, of holders: [StageName]) throws -> SecretBytes {
        try SecretBytes(count: holders.count * 32) { target in
            for (place, holder) in holders.enumerated() {
                opened[holder]?.withUnsafeBytes {
                    UnsafeMutableRawBufferPointer(rebasing: target[place * 32..<(place + 1) * 32])
                        .copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[index * 32..<(index + 1) * 32]))
                }
            }
        }
    }

    private func advertisement(of stage: StageName) throws(MaskingError) -> MaskAdvertisement {
        guard let index = members.parties.index(of: stage) else { throw .notAParty(stage) }
        return members.parties.clouds[index]
    }

    /// A contribution carries its self-mask, and the mask that it has in common with publish.
    private func appendSurvivor(_ dealt: MaskShares, seed: SecretBytes, to removals: inout [Removal]) throws {
        let found = try seed.withUnsafeBytes {
            try KeyedHash.commitment(to: $0, label: members.parties.seedLabel(of: dealt.stage))
        }
        guard found == dealt.seed else { throw MaskingError.inconsistentShares(of: dealt.stage) }
        removals.append(
            Removal(
                key: try seed.withUnsafeBytes {
                    try KeyedHash.key(from: $0, label: members.selfLabel(of: dealt.stage))
                },
                sign: .minus))
        let cloud = try advertisement(of: dealt.stage)
        removals.append(
            Removal(
                key: try keys.mask.key(with: cloud.maskKey, label: members.pairLabel(dealt.stage, keys.stage)),
                sign: members.sign(of: dealt.stage, with: keys.stage).opposite))
    }

    /// Of a cloud that dropped out each survivor's contribution carries the mask of their pair.
    private func appendDropped(_ dealt: MaskShares, secret: SecretBytes, to removals: inout [Removal]) throws {
        let dropped = try BoxKeyPair(secret: secret)
        guard dropped.publicKey == (try advertisement(of: dealt.stage)).maskKey else {
            throw MaskingError.inconsistentShares(of: dealt.stage)
        }
        for survivor in contributors {
            let key = try advertisement(of: survivor).maskKey
            removals.append(
                Removal(
                    key: try dropped.key(with: key, label: members.pairLabel(survivor, dealt.stage)),
                    sign: members.sign(of: survivor, with: dealt.stage).opposite))
        }
    }
}
