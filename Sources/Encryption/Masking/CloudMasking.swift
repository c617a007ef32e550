package import Federation
package import Sodium

/// A cloud that holds its shares of the other members' secrets: it masks once, decides on one set of survivors, and opens one
/// share of each member's for it.
package struct CloudMasking: Sendable {
    package let members: MaskMembers
    private let secrets: CloudSecrets
    /// Mask share and seed share of each member, in order.
    private let received: SecretBytes

    package var stage: StageName { secrets.keys.stage }

    /// - Throws: `MaskingError.unreadable`, `.forgedShare` naming a member whose sealed shares are wrong: the cloud sits the
    ///   round out.
    package init(_ sharing: CloudSharing, members: MaskMembers) throws {
        let stage = sharing.secrets.keys.stage
        guard members.parties.digest == sharing.parties.digest else {
            throw MaskingError.otherRoster(document: MaskAgreement.kind, from: "aggregate")
        }
        guard let own = members.index(of: stage) else { throw MaskingError.notAParty(stage) }
        // Sealed bytes differ after a restart, what is in them does not.
        guard members.shares[own].isSameDeal(as: sharing.shares) else { throw MaskingError.otherShares(of: stage) }
        if let decided = sharing.secrets.pledge.decision {
            guard decided.stage == stage else { throw MaskingError.notAParty(decided.stage) }
            try members.check(decided.survivors)
        }
        self.members = members
        secrets = sharing.secrets
        received = try SecretBytes(count: members.shares.count * 64) { target in
            for (index, shares) in members.shares.enumerated() {
                let place = UnsafeMutableRawBufferPointer(rebasing: target[index * 64..<(index + 1) * 64])
                let pair = index == own ? sharing.own : try Self.open(shares, by: sharing)
                pair.withUnsafeBytes { place.copyMemory(from: $0) }
            }
        }
    }

    private static func open(_ shares: MaskShares, by sharing: CloudSharing) throws -> SecretBytes {
        let keys = sharing.secrets.keys
        let portion = shares.portions[sharing.index]
        guard let dealer = sharing.parties.clouds.first(where: { $0.stage == shares.stage }) else {
            throw MaskingError.notAParty(shares.stage)
        }
        let label = sharing.parties.shareKeyLabel(from: shares.stage, to: keys.stage)
        guard
            let pair = try SealedSecret.open(
                portion.sealed, key: keys.sharing.key(with: dealer.sharingKey, label: label), label: label),
            pair.count == 64
        else { throw MaskingError.unreadable(document: MaskShares.kind, from: shares.stage) }
        try pair.withUnsafeBytes { pair in
            for (range, kind, expected) in [
                (0..<32, MaskShareKind.mask, portion.maskShare), (32..<64, .seed, portion.seedShare),
            ] {
                let found = try KeyedHash.commitment(
                    to: UnsafeRawBufferPointer(rebasing: pair[range]),
                    label: sharing.parties.commitmentLabel(kind, from: shares.stage, to: keys.stage))
                guard found == expected else {
                    throw MaskingError.forgedShare(of: shares.stage, from: shares.stage)
                }
            }
        }
        return pair
    }

    /// The scheme that seals this cloud's values: asked for once, so that no two vectors lie under one mask.
    ///
    /// A stage journals what it has sealed before the first byte leaves, and seals nothing in this round after that.
    package func scheme(layout: VectorLayout, slots: SlotLayout) throws -> MaskedScheme {
        guard slots.cohort >= members.shares.count else {
            throw EncryptionError.invalidSlots(
                "slots for \(slots.cohort) contributions, \(members.shares.count) may come")
        }
        try secrets.pledge.mask()
        let parties = members.parties
        let others =
            members.stages.compactMap { stage in parties.clouds.first { $0.stage == stage && stage != self.stage } }
            + [parties.publisher]
        let streams = try MaskStreams(
            signs: [.plus] + others.map { members.sign(of: stage, with: $0.stage) }
        ) { key in
            try secrets.seed.withUnsafeBytes {
                try KeyedHash.key(from: $0, label: members.selfLabel(of: stage), into: key(0))
            }
            for (index, other) in others.enumerated() {
                try secrets.keys.mask.pairKey(with: other.maskKey, label: members.pairLabel(stage, other.stage)) {
                    key(index + 1).copyMemory(from: $0)
                }
            }
        }
        return MaskedScheme(agreement: members.digest, layout: layout, slots: slots, streams: streams)
    }

    /// Decides on the survivors that aggregate names. What comes back goes into the journal; then the stage signs its
    /// `consent` and sends it. The same set again gives the same decision.
    ///
    /// - Parameter contribution: the digest of what this cloud has sealed in this round.
    /// - Throws: `MaskingError.secondSurvivorSet` if it has decided on another set, in this or an earlier life.
    package func decide(_ survivors: MaskSurvivors, contribution: Digest) throws -> MaskDecision {
        try members.check(survivors)
        guard let own = survivors.survivors.first(where: { $0.stage == stage }) else {
            throw MaskingError.notASurvivor(stage)
        }
        guard own.digest == contribution else { throw MaskingError.otherContribution(of: stage) }
        let decision = MaskDecision(stage: stage, survivors: survivors)
        try secrets.pledge.decide(decision)
        return decision
    }

    /// Opens this cloud's shares for the set that it decided on, to publish, once all survivors have signed that set.
    ///
    /// - Parameters:
    ///   - decision: what is in the journal now.
    ///   - consents: of every survivor, this one included.
    package func disclosure(
        after decision: MaskDecision, consents: [Signed<MaskConsent>], signers: MaskingSigners
    ) throws -> MaskDisclosure {
        guard let decided = secrets.pledge.decision else { throw MaskingError.undecided }
        guard decided == decision else { throw MaskingError.secondSurvivorSet }
        try check(consents, for: decision, signers: signers)

        let survivors = Set(decision.survivors.survivors.map(\.stage))
        let opened = try SecretBytes(count: members.shares.count * MaskDisclosure.shareByteCount) { target in
            received.withUnsafeBytes { received in
                for (index, member) in members.stages.enumerated() {
                    // One of the two, and the other stays here for good.
                    let start = index * 64 + (survivors.contains(member) ? 32 : 0)
                    UnsafeMutableRawBufferPointer(rebasing: target[index * 32..<(index + 1) * 32])
                        .copyMemory(from: UnsafeRawBufferPointer(rebasing: received[start..<start + 32]))
                }
            }
        }
        let choice = decision.choice
        let label = members.disclosureLabel(survivors: choice.survivors, from: stage)
        let key = try secrets.keys.sharing.key(with: members.parties.publisher.sharingKey, label: label)
        return MaskDisclosure(choice, sealed: try SealedSecret.seal(opened, key: key, label: label))
    }

    private func check(
        _ consents: [Signed<MaskConsent>], for decision: MaskDecision, signers: MaskingSigners
    ) throws {
        var missing = Set(decision.survivors.survivors.map(\.stage))
        for consent in consents {
            let sender = consent.content.stage
            try members.check(consent, to: decision.survivors, signers: signers)
            guard missing.remove(sender) != nil else { throw MaskingError.listedTwice(sender, in: "the consents") }
        }
        guard missing.isEmpty else { throw MaskingError.missingConsent(missing.sorted()) }
    }
}

extension MaskShares {
    /// The same shares under the same commitments, however they were sealed.
    fileprivate func isSameDeal(as other: MaskShares) -> Bool {
        stage == other.stage && roster == other.roster && seed == other.seed
            && portions.map(\.receiver) == other.portions.map(\.receiver)
            && portions.map(\.maskShare) == other.portions.map(\.maskShare)
            && portions.map(\.seedShare) == other.portions.map(\.seedShare)
    }
}

extension BoxKeyPair {
    /// Lends the key of the masks that this pair makes with the owner of `other`.
    func pairKey(
        with other: [UInt8], label: String, _ body: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        try key(with: other, label: label).withUnsafeBytes(body)
    }
}
