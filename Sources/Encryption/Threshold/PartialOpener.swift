package import BigInteger
package import Federation
package import Sodium

/// One party's part in opening sums: c^(2 Delta s_i) mod n^2 for each ciphertext c, a row as long as the sum.
///
/// A row of a sum gives away nothing but to whoever has `threshold` of them, and then all that is in the sum. So a party makes
/// one only for a sum that it has itself checked (docs/protocol.md).
package struct PartialOpener: Sendable {
    package let key: ThresholdPublicKey
    package let party: Int
    let scheme: PaillierScheme
    let share: KeyShare
    private let power: CommonPower
    /// 2 Delta s_i.
    private let exponent: SecretExponent

    package var sealing: Sealing { scheme.sealing }
    package var shape: PayloadShape { scheme.shape }

    /// - Parameter arithmetic: one of those that this machine has.
    package init(
        share: KeyShare, key: ThresholdPublicKey, layout: VectorLayout, slots: SlotLayout,
        arithmetic: Arithmetic = .fastest
    ) throws {
        guard share.keyID == key.id else {
            throw ThresholdError.malformedShare("it is of another key than \(key.id)")
        }
        self.key = key
        self.share = share
        party = share.party
        scheme = PaillierScheme(key: key.paillier, layout: layout, slots: slots, arithmetic: arithmetic)
        power = CommonPower(key.paillier, arithmetic)
        exponent = try share.withExponent(key) { try SecretExponent($0, bits: key.exponentBits) }
    }

    /// The partial openings of the units `units` of a sum, which is given whole; the units are checked first. The same bytes for
    /// any number of threads and either arithmetic.
    package func row(
        of sum: some ContiguousCollection, units: Range<Int>, sealing other: Sealing, threads: Int
    ) throws -> [UInt8] {
        try sealing.check(other)
        return try sum.withContiguousBytes { bytes in
            try PaillierValidation(scheme).check(bytes, units: units, threads: threads)
            let byteCount = units.count * shape.bytesPerUnit
            return [UInt8](unsafeUninitializedCapacity: byteCount) { target, filled in
                let target = UnsafeMutableRawBufferPointer(target)
                // Eight cost as much as one where they go side by side.
                Parallel.forEachBlock(of: units.count, size: laneCount, threads: threads) { block in
                    let source = units.lowerBound + block.lowerBound..<units.lowerBound + block.upperBound
                    let ciphertexts = source.map { Integer(bigEndian: shape.unit($0, of: bytes)) }
                    let powers = power.powers(of: ciphertexts, exponent)
                    for (unit, power) in zip(block, powers) {
                        let fits = power.writeBigEndian(to: shape.unit(unit, of: target))
                        precondition(fits, "a residue is as wide as n^2")
                    }
                }
                filled = byteCount
            }
        }
    }
}
