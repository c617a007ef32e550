package import BigInteger
internal import Sodium

/// `PaillierDecryption`, eight ciphertexts at a time: the reduction modulo the squares of the primes and the two
/// exponentiations are done side by side and take the same time and the same addresses for all operands; the two divisions
/// and the recombination of each are GMP's, which are not constant-time.
package struct LaneDecryption: Sendable {
    private let decryption: PaillierDecryption
    private let p: Half
    private let q: Half
    private let nSquared: LaneModulus

    /// For a machine that has `Arithmetic.lanes`.
    package init(_ decryption: PaillierDecryption) throws {
        self.decryption = decryption
        nSquared = try Half.lanes(decryption.p.square * decryption.q.square)
        p = try Half(decryption.p)
        q = try Half(decryption.q)
    }

    /// The plaintexts of one to eight ciphertexts of `width` bytes, one behind the other.
    package func plaintexts(of ciphertexts: UnsafeRawBufferPointer, width: Int) -> [Integer] {
        let count = ciphertexts.count / width
        precondition((1...laneCount).contains(count), "one to eight ciphertexts")
        let rows = LaneRows(count: 1, of: nSquared)
        for lane in 0..<count {
            rows.read(UnsafeRawBufferPointer(rebasing: ciphertexts[lane * width..<(lane + 1) * width]), lane: lane)
        }
        for lane in count..<laneCount { rows.setToOne(lane: lane) }
        return zip(p.powers(of: rows, count: count), q.powers(of: rows, count: count)).map {
            decryption.plaintext(powerModP: $0, powerModQ: $1)
        }
    }

    /// Powers modulo the square of one of the primes.
    ///
    /// Unchecked: all of it is written in the initialiser alone.
    private final class Half: @unchecked Sendable {
        private let modulus: LaneModulus
        /// R^3.
        private let cube: LaneRows
        /// The prime less 1, least significant byte first.
        private let exponent: SecretBytes
        private let exponentBits: Int

        static func lanes(_ modulus: Integer) throws -> LaneModulus {
            guard let lanes = LaneModulus(Modulus(modulus)) else {
                throw EncryptionError.invalidKey(
                    what: "Paillier private key",
                    "eight ciphertexts at a time need AVX-512 IFMA and primes to 5000 bits")
            }
            return lanes
        }

        init(_ half: PaillierDecryption.Half) throws {
            modulus = try Half.lanes(half.square)
            cube = modulus.radix(3)
            exponentBits = half.prime.bitWidth
            exponent = try SecretBytes(count: (exponentBits + 7) / 8) { target in
                precondition(half.exponent.writeBigEndian(to: target), "a prime less 1 is no longer than the prime")
                var bytes = target
                bytes.reverse()
            }
        }

        /// The first `count` lanes of ciphertexts^exponent.
        func powers(of ciphertexts: borrowing LaneRows, count: Int) -> [Integer] {
            let multiplier = LaneMultiplier(modulus)
            let rows = LaneRows(count: 1, of: modulus)
            multiplier.reduce(ciphertexts, into: rows)
            // c / R * R^3 / R = c R
            multiplier.multiply(rows, 0, by: cube, into: rows, 0)
            exponent.withUnsafeBytes { multiplier.power(rows, 0, exponent: $0, bits: exponentBits) }
            multiplier.reduce(rows, into: rows)
            multiplier.makeCanonical(rows)
            let limbs = LimbBuffer(count: modulus.modulus.limbCount)
            return (0..<count).map { lane in
                rows.write(lane: lane, toLimbs: limbs.base, count: limbs.count)
                return Integer(limbs: limbs.base, count: limbs.count)
            }
        }
    }
}
