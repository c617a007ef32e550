package import Federation
package import Sodium

/// A stage's two key pairs of one masked round: fresh for every round, never written to disk in clear.
package struct MaskingKeys: Sendable {
    package let terms: MaskingTerms
    package let stage: StageName
    let mask: BoxKeyPair
    let sharing: BoxKeyPair

    /// Fresh pairs for a cloud's encrypt stage, or for publish.
    package init(of stage: StageName, terms: MaskingTerms) throws {
        try self.init(of: stage, terms: terms, mask: BoxKeyPair(), sharing: BoxKeyPair())
    }

    init(of stage: StageName, terms: MaskingTerms, mask: BoxKeyPair, sharing: BoxKeyPair) throws {
        guard terms.clouds.contains(stage) || stage == terms.publisher else { throw MaskingError.notAParty(stage) }
        self.terms = terms
        self.stage = stage
        self.mask = mask
        self.sharing = sharing
    }

    /// What the stage signs and sends to aggregate.
    package var advertisement: MaskAdvertisement {
        MaskAdvertisement(
            run: terms.run, round: terms.round, opening: terms.opening, stage: stage, maskKey: mask.publicKey,
            sharingKey: sharing.publicKey)
    }
}

/// All secrets of a cloud in one masked round.
package struct CloudSecrets: Sendable {
    package static let byteCount = 128

    package let keys: MaskingKeys
    /// Of the self-mask.
    let seed: SecretBytes
    /// The coefficients of both sharings come from it, so that the shares are the same again after a restart.
    let polynomials: SecretBytes

    /// Fresh ones.
    package init(of stage: StageName, terms: MaskingTerms) throws {
        guard terms.clouds.contains(stage) else { throw MaskingError.notAParty(stage) }
        keys = try MaskingKeys(of: stage, terms: terms)
        seed = try SecretBytes.random(count: 32)
        polynomials = try SecretBytes.random(count: 32)
    }

    /// Those that `encoded` gave: for a stage that was restarted, or for known answers.
    package init(restoring bytes: SecretBytes, of stage: StageName, terms: MaskingTerms) throws {
        guard terms.clouds.contains(stage) else { throw MaskingError.notAParty(stage) }
        guard bytes.count == CloudSecrets.byteCount else {
            throw SodiumError.wrongLength(what: "masking secrets", expected: CloudSecrets.byteCount, found: bytes.count)
        }
        func part(_ index: Int) throws -> SecretBytes {
            try SecretBytes(count: 32) { target in
                bytes.withUnsafeBytes {
                    target.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[index * 32..<(index + 1) * 32]))
                }
            }
        }
        keys = try MaskingKeys(
            of: stage, terms: terms, mask: BoxKeyPair(secret: part(0)), sharing: BoxKeyPair(secret: part(1)))
        seed = try part(2)
        polynomials = try part(3)
    }

    /// Mask secret, sharing secret, seed, polynomials. A stage that keeps them over a restart seals them under a key of its
    /// own, and forgets them with the round; one that does not keep them drops out of the unmasking when it is restarted.
    package func encoded() throws -> SecretBytes {
        try SecretBytes(count: CloudSecrets.byteCount) { target in
            for (index, part) in [keys.mask.secret, keys.sharing.secret, seed, polynomials].enumerated() {
                part.withUnsafeBytes {
                    UnsafeMutableRawBufferPointer(rebasing: target[index * 32..<(index + 1) * 32]).copyMemory(from: $0)
                }
            }
        }
    }
}
