import Encryption
import Federation
import Keys
import Publication
import StageKit
import Topology

/// Whoever holds the private key: opens the sum of a round, and nothing else ever reaches it.
struct SumOpener: Sendable {
    private let privateKey: PaillierPrivateKey?

    init(_ parts: StageParts<PublishConfiguration>) throws {
        privateKey =
            parts.topology.suite == .clear
            ? nil : try PaillierPrivateKey(decoding: parts.keys.paillierSecret(of: parts.context.stage.cloud))
    }

    var publicKey: PaillierPublicKey? { privateKey?.publicKey }

    /// The decoded sums in layout order.
    func open(_ payload: [UInt8], of opening: Opening, contributions: Int, threads: Int) throws -> [Double] {
        let scheme = try RoundScheme(opening, key: publicKey)
        let opener: any Opener =
            if let privateKey {
                PaillierOpener(key: privateKey, layout: opening.layout, slots: scheme.slots)
            } else {
                ClearScheme(layout: opening.layout, slots: scheme.slots)
            }
        let sums = try opener.open(
            payload, sealing: scheme.scheme.sealing, contributions: contributions, threads: threads)
        return try scheme.quantiser.dequantise(sums, contributions: contributions)
    }
}
