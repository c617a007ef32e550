internal import CGMP
internal import Glibc

/// Multiplication of residues in place, limb by limb, without allocation: the inner loop of everything that runs over
/// many ciphertexts. One per thread; its scratch memory is wiped at the end.
package struct ModularMultiplier: ~Copyable {
    package let modulus: Modulus
    private let count: Int
    private let limbs: UnsafePointer<Limb>  // of modulus.value, which this value keeps alive and nobody writes
    private let product: UnsafeMutablePointer<Limb>
    private let quotient: UnsafeMutablePointer<Limb>

    package init(_ modulus: Modulus) {
        self.modulus = modulus
        count = modulus.limbCount
        limbs = modulus.withLimbs { $0 }
        product = .allocate(capacity: 2 * count)
        quotient = .allocate(capacity: count + 1)
        product.initialize(repeating: 0, count: 2 * count)
        quotient.initialize(repeating: 0, count: count + 1)
    }

    deinit {
        explicit_bzero(product, 2 * count * MemoryLayout<Limb>.stride)
        explicit_bzero(quotient, (count + 1) * MemoryLayout<Limb>.stride)
        product.deallocate()
        quotient.deallocate()
    }

    /// residue = residue * factor mod modulus; both below the modulus, `limbCount` limbs each. They may be the same.
    package borrowing func multiply(_ residue: UnsafeMutablePointer<Limb>, by factor: UnsafePointer<Limb>) {
        __gmpn_mul_n(product, residue, factor, count)
        __gmpn_tdiv_qr(quotient, residue, 0, product, 2 * count, limbs, count)
    }

    /// residue = value mod modulus, for a value of `limbCount` to `2 * limbCount` limbs.
    package borrowing func reduce(
        _ value: UnsafePointer<Limb>, count valueCount: Int, into residue: UnsafeMutablePointer<Limb>
    ) {
        precondition(valueCount >= count && valueCount <= 2 * count, "reduce takes one to two widths")
        __gmpn_tdiv_qr(quotient, residue, 0, value, valueCount, limbs, count)
    }
}
