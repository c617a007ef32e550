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

    /// Values opened at a time: the sums of a long vector are never in memory all at once.
    private static let blockValues = 1 << 16

    /// The decoded sums in layout order.
    func open(_ payload: Payload, of opening: Opening, contributions: Int, threads: Int) throws -> [Double] {
        var sums: [Double] = []
        sums.reserveCapacity(opening.layout.count)
        try open(payload, of: opening, contributions: contributions, threads: threads) { sums += $1 }
        return sums
    }

    /// The same block by block: the values' places in the layout, and their sums.
    func open(
        _ payload: Payload, of opening: Opening, contributions: Int, threads: Int,
        _ body: (Range<Int>, [Double]) throws -> Void
    ) throws {
        let scheme = try RoundScheme(opening, key: publicKey)
        let opener: any Opener =
            if let privateKey {
                PaillierOpener(key: privateKey, layout: opening.layout, slots: scheme.slots)
            } else {
                ClearScheme(layout: opening.layout, slots: scheme.slots)
            }
        let shape = opener.shape
        let size = max(1, SumOpener.blockValues / shape.valuesPerUnit)
        try payload.withBytes { bytes in
            for start in stride(from: 0, to: shape.units, by: size) {
                let units = start..<min(start + size, shape.units)
                let sums = try opener.open(
                    bytes, units: units, sealing: scheme.scheme.sealing, contributions: contributions,
                    threads: threads)
                let values = shape.values(ofUnits: units)
                try body(values, scheme.quantiser.dequantise(sums, of: values, contributions: contributions))
            }
        }
    }
}
