internal import BigInteger
internal import Sodium

/// Powers mod n^2 of several residues by one secret exponent, in time and at addresses that depend on its length alone.
struct CommonPower: Sendable {
    private let modulus: Modulus
    /// Nil with GMP's arithmetic. Residues as pairs modulo n: the form of `LanePrimeSquare` holds for any odd n.
    private let lanes: (square: LanePrimeSquare, values: LaneModulus)?

    init(_ key: PaillierPublicKey, _ arithmetic: Arithmetic) {
        modulus = key.nSquared
        switch arithmetic {
        case .portable: lanes = nil
        case .lanes:
            let values = key.lanesOrTrap.nSquared
            lanes = LanePrimeSquare(prime: key.n.value, values: values).map { ($0, values) }
        }
    }

    /// The powers of `bases` by the number in `exponent`, which is above 0; of that, the `bits` lowest are used.
    func powers(of bases: [Integer], _ exponent: SecretExponent) -> [Integer] {
        guard let lanes else {
            return exponent.withInteger { exponent in bases.map { modulus.secretPower($0, exponent) } }
        }
        let limbs = LimbBuffer(count: modulus.limbCount)
        let rows = LaneRows(count: 1, of: lanes.values)
        return stride(from: 0, to: bases.count, by: laneCount).flatMap { start in
            let group = bases[start..<min(start + laneCount, bases.count)]
            for (lane, base) in group.enumerated() {
                base.writeLimbs(to: limbs.base, count: limbs.count)
                rows.read(limbs: limbs.base, count: limbs.count, lane: lane)
            }
            for lane in group.count..<laneCount { rows.setToOne(lane: lane) }
            return exponent.withBytes {
                lanes.square.powers(of: rows, count: group.count, exponent: $0, bits: exponent.bits)
            }
        }
    }
}

/// A secret exponent in guarded memory, whose length is public.
final class SecretExponent: Sendable {
    let bits: Int
    /// Least significant byte first.
    private let bytes: SecretBytes

    /// - Parameter value: 1 to 2^bits - 1.
    init(_ value: Integer, bits: Int) throws {
        self.bits = bits
        bytes = try SecretBytes(count: (bits + 7) / 8) { target in
            precondition(value.writeBigEndian(to: target), "an exponent of at most \(bits) bits")
            var bytes = target
            bytes.reverse()
        }
    }

    func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result { bytes.withUnsafeBytes(body) }

    /// Lends the number, whose memory is wiped on release.
    func withInteger<Result>(_ body: (Integer) -> Result) -> Result {
        let value = bytes.withUnsafeBytes { bytes in
            let limbs = LimbBuffer(count: (bytes.count + 7) / 8)
            UnsafeMutableRawBufferPointer(start: limbs.base, count: limbs.count * 8).copyMemory(from: bytes)
            return Integer(limbs: limbs.base, count: limbs.count)
        }
        return body(value)
    }
}
