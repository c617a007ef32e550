internal import CMontgomery
internal import Glibc

/// An odd modulus m in digits of 52 bits, with what Montgomery's multiplication needs beside it. Wiped on release, as it may
/// be the square of a prime.
///
/// Unchecked: all of it is written in the initialiser alone.
package final class LaneModulus: @unchecked Sendable {
    package let modulus: Modulus
    /// Digits of a residue; R is 2^(52 digits). A multiple of four, with room for 64 m.
    let digits: Int
    /// R mod m in all lanes: 1 in Montgomery form.
    let one: LaneRows
    private let words: UnsafeMutablePointer<UInt64>
    let constants: tributary_lanes_modulus

    /// Nil where the arithmetic is not to be had: see `Arithmetic`, or an even modulus.
    ///
    /// - Parameter atLeast: digits that residues shall have.
    package init?(_ modulus: Modulus, atLeast: Int = 0) {
        guard Arithmetic.supported.contains(.lanes), modulus.value.isOdd, modulus.value.bitWidth <= 20_000 else {
            return nil
        }
        self.modulus = modulus
        let digits = max(atLeast, LaneModulus.digits(bits: modulus.value.bitWidth))
        precondition(digits.isMultiple(of: 4), "digits in blocks of four")
        self.digits = digits
        let words = UnsafeMutablePointer<UInt64>.allocate(capacity: digits)
        words.initialize(repeating: 0, count: digits)
        modulus.withLimbs { limbs in
            limbs.withMemoryRebound(to: UInt64.self, capacity: modulus.limbCount) {
                tributary_lanes_split(words, digits, 1, $0, modulus.limbCount)
            }
        }
        self.words = words
        // Newton: each step doubles the bits that are right, from the three of an odd number's own (x * x = 1 mod 8).
        let lowest = words[0]
        var inverse = lowest
        for _ in 0..<5 { inverse &*= 2 &- lowest &* inverse }
        constants = tributary_lanes_modulus(
            digits: digits, inverse: (0 &- inverse) & ((1 << 52) - 1), modulus: words)
        one = LaneRows(count: 1, digits: digits)
        write(radixPower(1), toAllLanesOf: one.base)
    }

    deinit {
        explicit_bzero(words, digits * 8)
        words.deallocate()
    }

    /// The digits of residues of a modulus of `bits` bits.
    package static func digits(bits: Int) -> Int { (bits + 6 + 52 * 4 - 1) / (52 * 4) * 4 }

    /// R^exponent mod m.
    func radixPower(_ exponent: Int) -> Integer {
        Integer(2).power(Integer(52 * digits * exponent), modulo: modulus.value)
    }

    /// R^-1 mod m.
    var inverseRadix: Integer {
        guard let inverse = radixPower(1).inverse(modulo: modulus.value) else {
            preconditionFailure("a power of two has an inverse modulo an odd number")
        }
        return inverse
    }

    /// Writes a residue as a single row.
    func write(_ value: Integer, toSingle row: UnsafeMutablePointer<UInt64>) {
        let limbs = LimbBuffer(count: modulus.limbCount)
        value.writeLimbs(to: limbs.base, count: limbs.count)
        limbs.base.withMemoryRebound(to: UInt64.self, capacity: limbs.count) {
            tributary_lanes_split(row, digits, 1, $0, limbs.count)
        }
    }

    /// R^exponent mod m in all lanes: a multiplication by it divides by R^(1 - exponent).
    package func radix(_ exponent: Int) -> LaneRows {
        let rows = LaneRows(count: 1, digits: digits)
        write(radixPower(exponent), toAllLanesOf: rows.base)
        return rows
    }

    func write(_ value: Integer, toAllLanesOf row: UnsafeMutablePointer<UInt64>) {
        let limbs = LimbBuffer(count: modulus.limbCount)
        value.writeLimbs(to: limbs.base, count: limbs.count)
        limbs.base.withMemoryRebound(to: UInt64.self, capacity: limbs.count) {
            for lane in 0..<laneCount { tributary_lanes_split(row + lane, digits, laneCount, $0, limbs.count) }
        }
    }
}
