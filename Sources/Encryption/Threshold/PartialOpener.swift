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
    private let arithmetic: PartialArithmetic

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
        self.arithmetic = try PartialArithmetic(share: share, key: key, arithmetic: arithmetic)
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
                    let powers = arithmetic.powers(
                        of: UnsafeRawBufferPointer(rebasing: bytes[shape.bytes(ofUnits: source)]),
                        width: shape.bytesPerUnit)
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

/// Powers mod n^2 by the secret exponent 2 Delta s_i.
private enum PartialArithmetic {
    /// GMP's, which takes the same time and cache lines for all exponents of one size.
    case portable(KeyShare, ThresholdPublicKey)
    /// Eight at a time, residues as pairs modulo n: the form of `LanePrimeSquare` holds for any odd n.
    case lanes(LanePrimeSquare, values: LaneModulus, exponent: SecretBytes, bits: Int)

    init(share: KeyShare, key: ThresholdPublicKey, arithmetic: Arithmetic) throws {
        switch arithmetic {
        case .portable: self = .portable(share, key)
        case .lanes:
            let values = key.paillier.lanesOrTrap.nSquared
            guard let square = LanePrimeSquare(prime: key.paillier.n.value, values: values) else {
                throw ThresholdError.invalidKey("eight ciphertexts at a time need AVX-512 IFMA")
            }
            self = .lanes(square, values: values, exponent: try share.exponent(key), bits: key.exponentBits)
        }
    }

    /// The powers of up to eight ciphertexts of `width` bytes, one behind the other.
    func powers(of ciphertexts: UnsafeRawBufferPointer, width: Int) -> [Integer] {
        let count = ciphertexts.count / width
        func bytes(_ index: Int) -> UnsafeRawBufferPointer {
            UnsafeRawBufferPointer(rebasing: ciphertexts[index * width..<(index + 1) * width])
        }
        switch self {
        case .portable(let share, let key):
            return share.withExponent(key) { exponent in
                (0..<count).map { key.paillier.nSquared.secretPower(Integer(bigEndian: bytes($0)), exponent) }
            }
        case .lanes(let square, let values, let exponent, let bits):
            let rows = LaneRows(count: 1, of: values)
            for lane in 0..<count { rows.read(bytes(lane), lane: lane) }
            for lane in count..<laneCount { rows.setToOne(lane: lane) }
            return exponent.withUnsafeBytes { square.powers(of: rows, count: count, exponent: $0, bits: bits) }
        }
    }
}
