internal import CGMP

/// One word of a big integer; least significant first wherever limbs stand in a row.
package typealias Limb = UInt

/// A modulus above 1 and the widths that follow from it: residues are `limbCount` limbs in memory and `byteCount` bytes
/// on a wire.
package struct Modulus: Sendable {
    package let value: Integer
    package let limbCount: Int
    package let byteCount: Int

    package init(_ value: Integer) {
        precondition(value > 1, "a modulus is at least 2")
        self.value = value
        limbCount = (value.bitWidth + Limb.bitWidth - 1) / Limb.bitWidth
        byteCount = (value.bitWidth + 7) / 8
    }

    package func multiply(_ left: Integer, _ right: Integer) -> Integer { (left * right).modulo(value) }

    package func power(_ base: Integer, _ exponent: Integer) -> Integer { base.power(exponent, modulo: value) }

    /// See `Integer.secretPower`.
    package func secretPower(_ base: Integer, _ exponent: Integer) -> Integer {
        base.secretPower(exponent, modulo: value)
    }

    package func inverse(of value: Integer) -> Integer? { value.inverse(modulo: self.value) }

    /// result = value * modulus + addend, exactly: `limbCount` limbs in, 2 * `limbCount` out, which must not overlap. The
    /// sum must fit, as it does for a value below the modulus.
    package func multiply(
        _ value: UnsafePointer<Limb>, adding addend: Limb, into result: UnsafeMutablePointer<Limb>
    ) {
        withLimbs { __gmpn_mul_n(result, value, $0, limbCount) }
        var (sum, carry) = result[0].addingReportingOverflow(addend)
        result[0] = sum
        var index = 1
        while carry {
            (sum, carry) = result[index].addingReportingOverflow(1)
            result[index] = sum
            index += 1
        }
    }

    /// Lends the modulus's limbs, `limbCount` of them.
    func withLimbs<Result>(_ body: (UnsafePointer<Limb>) throws -> Result) rethrows -> Result {
        guard let limbs = __gmpz_limbs_read(value.mpz) else { preconditionFailure("a modulus has limbs") }
        defer { withExtendedLifetime(value) {} }
        return try body(limbs)
    }
}

extension Integer {
    /// Writes a non-negative integer below 2^(64 count) as `count` limbs.
    package func writeLimbs(to target: UnsafeMutablePointer<Limb>, count: Int) {
        precondition(signum >= 0 && bitWidth <= count * Limb.bitWidth, "the integer does not fit the limbs")
        let used = Int(__gmpz_size(mpz))
        if used > 0, let limbs = __gmpz_limbs_read(mpz) { target.update(from: limbs, count: used) }
        (target + used).update(repeating: 0, count: count - used)
    }

    package init(limbs: UnsafePointer<Limb>, count: Int) {
        self = Integer.make { __gmpz_import($0, count, -1, MemoryLayout<Limb>.size, 0, 0, limbs) }
    }
}
