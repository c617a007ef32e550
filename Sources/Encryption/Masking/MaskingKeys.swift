package import Federation
package import Sodium

/// A stage's two key pairs of one masked round: fresh for every round, never written to disk in clear.
package struct MaskingKeys: Sendable {
    package let terms: MaskingTerms
    package let stage: StageName
    let mask: BoxKeyPair
    let sharing: BoxKeyPair
    /// What the cloud says with its keys of sums that it has helped to open.
    let helped: HelpedSum?

    /// Fresh pairs for a cloud's encrypt stage, or for publish.
    package init(of stage: StageName, terms: MaskingTerms, helped: HelpedSum? = nil) throws {
        try self.init(of: stage, terms: terms, mask: BoxKeyPair(), sharing: BoxKeyPair(), helped: helped)
    }

    /// Those that `encoded` gave: for a publish that was restarted, or for known answers.
    package init(restoring bytes: SecretBytes, of stage: StageName, terms: MaskingTerms) throws {
        let parts = try bytes.parts(2, of: "mask keys")
        try self.init(
            of: stage, terms: terms, mask: BoxKeyPair(secret: parts[0]), sharing: BoxKeyPair(secret: parts[1]))
    }

    /// Mask secret, sharing secret: see `CloudSecrets.encoded`.
    package func encoded() throws -> SecretBytes { try SecretBytes(joining: [mask.secret, sharing.secret]) }

    init(
        of stage: StageName, terms: MaskingTerms, mask: BoxKeyPair, sharing: BoxKeyPair, helped: HelpedSum? = nil
    ) throws {
        guard terms.clouds.contains(stage) || stage == terms.publisher else { throw MaskingError.notAParty(stage) }
        self.terms = terms
        self.stage = stage
        self.mask = mask
        self.sharing = sharing
        self.helped = helped
    }

    /// What the stage signs and sends to aggregate.
    package var advertisement: MaskAdvertisement {
        MaskAdvertisement(
            head: terms.head, stage: stage, maskKey: mask.publicKey, sharingKey: sharing.publicKey, helped: helped)
    }
}

/// All secrets of a cloud in one masked round.
package struct CloudSecrets: Sendable {
    package let keys: MaskingKeys
    /// Of the self-mask.
    let seed: SecretBytes
    /// The coefficients of both sharings come from it, so that the shares are the same again after a restart.
    let polynomials: SecretBytes
    let pledge: RoundPledge

    /// Fresh ones.
    package init(of stage: StageName, terms: MaskingTerms, helped: HelpedSum? = nil) throws {
        guard terms.clouds.contains(stage) else { throw MaskingError.notAParty(stage) }
        keys = try MaskingKeys(of: stage, terms: terms, helped: helped)
        seed = try SecretBytes.random(count: 32)
        polynomials = try SecretBytes.random(count: 32)
        pledge = RoundPledge()
    }

    /// Those that `encoded` gave: for a stage that was restarted, or for known answers.
    ///
    /// - Parameters:
    ///   - hasSealed: whether the journal holds a contribution of this round: then none is masked again.
    ///   - decision: the one that the journal holds of this round: then there is no other.
    package init(
        restoring bytes: SecretBytes, of stage: StageName, terms: MaskingTerms, hasSealed: Bool = false,
        decision: MaskDecision? = nil
    ) throws {
        guard terms.clouds.contains(stage) else { throw MaskingError.notAParty(stage) }
        let parts = try bytes.parts(4, of: "masking secrets")
        keys = try MaskingKeys(
            of: stage, terms: terms, mask: BoxKeyPair(secret: parts[0]), sharing: BoxKeyPair(secret: parts[1]))
        seed = parts[2]
        polynomials = parts[3]
        pledge = RoundPledge(hasMasked: hasSealed, decision: decision)
    }

    /// Mask secret, sharing secret, seed, polynomials. A stage that keeps them over a restart seals them under a key of its
    /// own, and forgets them with the round; one that does not keep them drops out of the unmasking when it is restarted.
    package func encoded() throws -> SecretBytes {
        try SecretBytes(joining: [keys.mask.secret, keys.sharing.secret, seed, polynomials])
    }
}

/// Rows of 32 secret bytes.
extension SecretBytes {
    fileprivate convenience init(joining parts: [SecretBytes]) throws {
        try self.init(count: parts.count * 32) { target in
            for (index, part) in parts.enumerated() {
                part.withUnsafeBytes {
                    UnsafeMutableRawBufferPointer(rebasing: target[index * 32..<(index + 1) * 32]).copyMemory(from: $0)
                }
            }
        }
    }

    fileprivate func parts(_ parts: Int, of what: String) throws -> [SecretBytes] {
        guard count == parts * 32 else {
            throw SodiumError.wrongLength(what: what, expected: parts * 32, found: count)
        }
        return try (0..<parts).map { index in
            try SecretBytes(count: 32) { target in
                withUnsafeBytes {
                    target.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[index * 32..<(index + 1) * 32]))
                }
            }
        }
    }
}
