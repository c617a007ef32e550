package import Federation
import Sodium

/// A cloud that has checked the roster, and deals its shares.
package struct CloudSharing: Sendable {
    package let secrets: CloudSecrets
    package let parties: MaskParties
    /// What the cloud signs and sends to aggregate. Made once: sealing draws fresh nonces, so a restart makes other bytes.
    package let shares: MaskShares
    /// Its own two shares, mask and seed.
    let own: SecretBytes
    let index: Int

    /// - Throws: `MaskingError` if the roster does not list this cloud with its own keys.
    package init(_ secrets: CloudSecrets, parties: MaskParties) throws {
        let stage = secrets.keys.stage
        guard parties.terms == secrets.keys.terms, let index = parties.index(of: stage) else {
            throw MaskingError.notAParty(stage)
        }
        try parties.check(own: secrets.keys)
        self.secrets = secrets
        self.parties = parties
        self.index = index

        let masks = try Self.deal(secrets.keys.mask.secret, .mask, of: secrets, to: parties)
        let seeds = try Self.deal(secrets.seed, .seed, of: secrets, to: parties)
        var portions: [MaskShares.Portion] = []
        for (place, receiver) in parties.clouds.enumerated() {
            let sealed =
                place == index
                ? [] : try Self.seal(Self.pair(masks, seeds, place), from: secrets, to: receiver, of: parties)
            portions.append(
                MaskShares.Portion(
                    receiver: receiver.stage, sealed: sealed,
                    maskShare: try Self.commit(masks, place, .mask, from: stage, of: parties),
                    seedShare: try Self.commit(seeds, place, .seed, from: stage, of: parties)))
        }
        own = try Self.pair(masks, seeds, index)
        shares = MaskShares(
            head: parties.terms.head, roster: parties.digest, stage: stage,
            seed: try secrets.seed.withUnsafeBytes {
                try KeyedHash.commitment(to: $0, label: parties.seedLabel(of: stage))
            },
            portions: portions)
    }

    private static func deal(
        _ secret: SecretBytes, _ kind: MaskShareKind, of secrets: CloudSecrets, to parties: MaskParties
    ) throws -> SecretBytes {
        let threshold = parties.terms.threshold
        let key = try secrets.polynomials.withUnsafeBytes {
            try KeyedHash.key(from: $0, label: parties.polynomialLabel(kind))
        }
        let coefficients = try SecretBytes(count: SecretSharing.coefficientByteCount(threshold: threshold)) { target in
            key.withUnsafeBytes { MaskStream.fill(target, key: $0, block: 0) }
        }
        return try secret.withUnsafeBytes {
            try SecretSharing.shares(
                of: $0, count: parties.clouds.count, threshold: threshold, coefficients: coefficients)
        }
    }

    private static func share(_ index: Int) -> Range<Int> { index * 32..<(index + 1) * 32 }

    private static func pair(_ masks: SecretBytes, _ seeds: SecretBytes, _ index: Int) throws -> SecretBytes {
        try SecretBytes(count: 64) { target in
            for (place, row) in [masks, seeds].enumerated() {
                row.withUnsafeBytes {
                    UnsafeMutableRawBufferPointer(rebasing: target[share(place)])
                        .copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[share(index)]))
                }
            }
        }
    }

    private static func commit(
        _ row: SecretBytes, _ index: Int, _ kind: MaskShareKind, from stage: StageName, of parties: MaskParties
    ) throws -> Digest {
        try row.withUnsafeBytes {
            try KeyedHash.commitment(
                to: UnsafeRawBufferPointer(rebasing: $0[share(index)]),
                label: parties.commitmentLabel(kind, from: stage, to: parties.clouds[index].stage))
        }
    }

    private static func seal(
        _ pair: SecretBytes, from secrets: CloudSecrets, to receiver: MaskAdvertisement, of parties: MaskParties
    ) throws -> [UInt8] {
        let label = parties.shareKeyLabel(from: secrets.keys.stage, to: receiver.stage)
        return try SealedSecret.seal(
            pair, key: secrets.keys.sharing.key(with: receiver.sharingKey, label: label), label: label)
    }
}

extension BoxKeyPair {
    /// The key for one purpose that this pair and the owner of `other` agree on.
    func key(with other: [UInt8], label: String) throws -> SecretBytes {
        try agreement(with: other).withUnsafeBytes { try KeyedHash.key(from: $0, label: label) }
    }
}
