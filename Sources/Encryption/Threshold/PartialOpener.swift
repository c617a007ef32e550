package import BigInteger
package import Federation
package import Sodium

/// One party's part in opening sums: c^(2 Delta s_i) mod n^2 for each ciphertext c, a row as long as the sum.
///
/// A row of a sum gives away nothing but to whoever has `threshold` of them, and then all that is in the sum. So a
/// party makes one only for a sum that it has itself checked (docs/protocol.md).
package struct PartialOpener: Sendable {
    package let key: ThresholdPublicKey
    package let party: Int
    let scheme: PaillierScheme
    let share: KeyShare
    private let power: PartialPower

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
        power = try PartialPower(share, key, arithmetic)
    }

    /// The partial openings of the units `units` of a sum, which is given whole; the units are checked first. The same
    /// bytes for any number of threads and either arithmetic.
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
                    let powers = power.powers(of: source.map { shape.unit($0, of: bytes) })
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

/// c^(2 Delta s_i) mod n^2. As s_i = 1 + n b_i, that is c^(2 Delta) times the n-th power of c^(2 Delta b_i), of which
/// the residue mod n suffices: (x + k n)^n = x^n mod n^2. The secret power is thus taken with half the digits.
///
/// Both ways take time by the exponent's length alone: GMP's by mpz_powm_sec, the lanes' as `LanePrimeSquare` says.
private struct PartialPower {
    private let key: PaillierPublicKey
    /// 2 Delta.
    private let plain: Integer
    /// 2 Delta b_i.
    private let exponent: SecretExponent
    /// Nil with GMP's arithmetic.
    private let lanes: (square: LanePrimeSquare, values: LaneModulus)?

    init(_ share: KeyShare, _ key: ThresholdPublicKey, _ arithmetic: Arithmetic) throws {
        self.key = key.paillier
        plain = key.delta * 2
        exponent = try share.residueExponent(key)
        switch arithmetic {
        case .portable: lanes = nil
        case .lanes:
            let values = key.paillier.lanesOrTrap.nSquared
            lanes = LanePrimeSquare(prime: key.paillier.n.value, values: values).map { ($0, values) }
        }
    }

    /// The powers of one to eight ciphertexts.
    func powers(of ciphertexts: [UnsafeRawBufferPointer]) -> [Integer] {
        guard let lanes else {
            let (n, square) = (key.n, key.nSquared)
            return exponent.withInteger { exponent in
                ciphertexts.map { bytes in
                    let ciphertext = Integer(bigEndian: bytes)
                    let root = n.secretPower(ciphertext.modulo(n.value), exponent)
                    return square.multiply(square.secretPower(root, n.value), square.power(ciphertext, plain))
                }
            }
        }
        let rows = LaneRows(count: 1, of: lanes.values)
        for (lane, bytes) in ciphertexts.enumerated() { rows.read(bytes, lane: lane) }
        for lane in ciphertexts.count..<laneCount { rows.setToOne(lane: lane) }
        return exponent.withBytes {
            lanes.square.splitPowers(
                of: rows, count: ciphertexts.count, plain: plain, exponent: $0, bits: exponent.bits)
        }
    }
}
