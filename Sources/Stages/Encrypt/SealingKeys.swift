import Encryption
import Federation
import Keys
import Sodium
import StageKit
import Topology

/// What this cloud seals with under one key of sums, and its share of that key where the clouds open sums together.
package struct SealingKey: Sendable {
    struct Opening: Sendable {
        let key: ThresholdPublicKey
        let share: KeyShare

        /// Whether it was dealt to so many clouds, and this one's share belongs to its place among them.
        func isOf(_ clouds: [CloudName], _ cloud: CloudName) -> Bool {
            key.parties == clouds.count && clouds.sorted().firstIndex(of: cloud) == share.party - 1
        }
    }

    let paillier: PaillierPublicKey
    /// Nil where this cloud has no part in opening sums.
    let opening: Opening?
    /// Filled from a round's opening until there is something to seal.
    let pool: BlindingPool

    /// At most so much blinding is made in advance: 12 MB at 3072 bits, for some 2.5 million values of 8 bits.
    private static let pooledCiphertexts = 8192

    init(_ ground: StageGround<EncryptConfiguration>, number: Int, _ key: FederationKey) throws {
        paillier = key.paillier
        pool = BlindingPool(key: key.paillier, capacity: SealingKey.pooledCiphertexts)
        guard ground.topology.cloudsOpen else {
            opening = nil
            return
        }
        let shared = try key.shared()
        let share = try SealingKey.share(ground, number, of: shared)
        opening = Opening(key: shared, share: share)
    }

    /// The share was sealed for the key that the stage had when it was dealt, which may have been rotated since.
    private static func share(
        _ ground: StageGround<EncryptConfiguration>, _ number: Int, of key: ThresholdPublicKey
    ) throws -> KeyShare {
        let sealed = try ground.keys.share(number, of: ground.stage.cloud)
        func opened(with own: Int) throws -> KeyShare {
            let secret = try ground.keys.curveSecret(of: ground.stage, number: own)
            return try KeyShare(opening: sealed, with: try BoxKeyPair(secret: secret), key: key)
        }
        let numbers = try ground.keys.secretNumbers(of: ground.stage)
        for own in numbers.dropFirst().reversed() {
            do { return try opened(with: own) } catch is ThresholdError { continue }
        }
        return try opened(with: numbers.first ?? 1)
    }

    /// Finds keys by the id that an opening names; nil under `clear`.
    static func search(
        _ ground: StageGround<EncryptConfiguration>, allowing sizes: PaillierKeySizes
    ) throws -> KeySearch<SealingKey>? {
        guard ground.topology.suite == .paillier else { return nil }
        var keys = KeySearch(numbers: ground.sumKeys, text: ground.sumKeyText, allowing: sizes) {
            try SealingKey(ground, number: $0, $1)
        }
        let oldest = try keys.oldest()
        guard let opening = oldest.opening, !oldest.isFor(ground.topology, ground.stage.cloud) else { return keys }
        // Of several keys one must be for these clouds; the others are for rounds that were opened before.
        let (topology, cloud) = (ground.topology, ground.stage.cloud)
        guard keys.newest(where: { $0.isFor(topology, cloud) }) != nil else {
            _ = try FederationKey.shared(opening.key).shared(
                parties: topology.parties.count, threshold: topology.threshold)
            throw StageError.configuration(
                "the share of \(cloud) is that of party \(opening.share.party), the topology makes it party \(topology.parties[cloud] ?? 0): the clouds have changed since the key was dealt; `tributary deal --next` deals another"
            )
        }
        return keys
    }

    /// Whether its clouds can be those of the topology, and this one's share the right one.
    func isFor(_ topology: Topology, _ cloud: CloudName) -> Bool {
        guard let opening else { return true }
        return opening.key.threshold == topology.threshold && opening.isOf(topology.dataClouds, cloud)
    }
}
