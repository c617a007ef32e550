import Encryption
import Federation
import Keys
import Sodium
import StageKit
import Topology

/// What this cloud seals with, and its share of the key where the clouds open sums together.
struct SealingKeys: Sendable {
    struct Opening: Sendable {
        let key: ThresholdPublicKey
        let share: KeyShare
    }

    /// Nil under `clear`.
    let paillier: PaillierPublicKey?
    /// Nil where this cloud has no part in opening sums.
    let opening: Opening?

    init(_ parts: StageParts<EncryptConfiguration>) throws {
        guard parts.topology.suite == .paillier else {
            (paillier, opening) = (nil, nil)
            return
        }
        let key = try FederationKey(text: parts.paillierPublicText())
        paillier = key.paillier
        guard parts.topology.cloudsOpen else {
            opening = nil
            return
        }
        let stage = parts.context.stage
        let parties = parts.topology.parties
        let shared = try key.shared(parties: parties.count, threshold: parts.topology.threshold)
        let share = try KeyShare(
            opening: try parts.keys.share(of: stage.cloud),
            with: try BoxKeyPair(secret: try parts.keys.curveSecret(of: stage)), key: shared)
        guard share.party == parties[stage.cloud] else {
            throw StageError.configuration(
                "the share of \(stage.cloud) is that of party \(share.party), the topology makes it party \(parties[stage.cloud] ?? 0): the clouds have changed since the key was dealt; deal a new one in a new state"
            )
        }
        opening = Opening(key: shared, share: share)
    }
}
