internal import Sodium

/// Adds contributions of which a part is in clear: ciphertexts as ever, the rest as packed integers.
final class SelectiveAccumulator: Accumulator {
    private let scheme: RoundScheme
    private let split: SelectiveSplit
    private let encrypted: any Accumulator
    private let ring: PackedRing
    private var clear: [UInt8]

    var contributions: Int { encrypted.contributions }

    init(_ scheme: RoundScheme, _ split: SelectiveSplit, checking: InverseCheck) {
        self.scheme = scheme
        self.split = split
        encrypted = scheme.scheme.makeAccumulator(checking: checking)
        ring = PackedRing(width: split.slots.width)
        clear = [UInt8](repeating: 0, count: split.clear.byteCount)
    }

    func add(_ payload: some ContiguousCollection, sealing: Sealing, threads: Int) throws {
        try payload.withContiguousBytes { bytes in
            try scheme.check(byteCount: bytes.count)
            let end = scheme.scheme.shape.byteCount
            let rest = UnsafeRawBufferPointer(rebasing: bytes[end...])
            // Checked before the ciphertexts are added, and added after them: a contribution is let in whole or not at all.
            try split.check(rest)
            try encrypted.add(UnsafeRawBufferPointer(rebasing: bytes[..<end]), sealing: sealing, threads: threads)
            clear.withUnsafeMutableBytes { ring.add(rest, to: $0) }
        }
    }

    func sum() throws -> [UInt8] { try encrypted.sum() + clear }
}
