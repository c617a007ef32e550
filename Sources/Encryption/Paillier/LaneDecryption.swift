package import BigInteger
internal import Sodium

/// `PaillierDecryption`, eight ciphertexts at a time: the reduction modulo the squares of the primes and the two
/// exponentiations are done side by side and take the same time and the same addresses for all operands; what follows them, the
/// divisions by the primes and the recombination, is GMP's, which is not constant-time.
package struct LaneDecryption: Sendable {
    private let decryption: PaillierDecryption
    private let p: Half
    private let q: Half
    private let nSquared: LaneModulus

    /// For a machine that has `Arithmetic.lanes`.
    package init(_ decryption: PaillierDecryption) throws {
        self.decryption = decryption
        guard let nSquared = LaneModulus(Modulus(decryption.p.square * decryption.q.square)) else {
            throw LaneDecryption.unavailable()
        }
        self.nSquared = nSquared
        p = try Half(decryption.p, nSquared: nSquared)
        q = try Half(decryption.q, nSquared: nSquared)
    }

    /// The plaintexts of one to eight ciphertexts of `width` bytes, one behind the other; nil as `PaillierDecryption` says.
    package func plaintexts(of ciphertexts: UnsafeRawBufferPointer, width: Int) -> [Integer?] {
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

    private static func unavailable() -> EncryptionError {
        .invalidKey(
            what: "Paillier private key", "eight ciphertexts at a time need AVX-512 IFMA and primes to 5000 bits")
    }

    /// Powers modulo the square of one of the primes.
    private struct Half: Sendable {
        private let square: LanePrimeSquare
        /// Least significant byte first.
        private let exponent: SecretBytes
        private let exponentBits: Int

        init(_ half: PaillierDecryption.Half, nSquared: LaneModulus) throws {
            guard let square = LanePrimeSquare(prime: half.prime, values: nSquared) else {
                throw LaneDecryption.unavailable()
            }
            self.square = square
            exponentBits = half.exponent.bitWidth
            exponent = try SecretBytes(count: (exponentBits + 7) / 8) { target in
                precondition(half.exponent.writeBigEndian(to: target), "an exponent fits its own length")
                var bytes = target
                bytes.reverse()
            }
        }

        /// The first `count` lanes of ciphertexts^exponent.
        func powers(of ciphertexts: borrowing LaneRows, count: Int) -> [Integer] {
            exponent.withUnsafeBytes { bytes in
                square.powers(of: ciphertexts, count: count, exponent: bytes, bits: exponentBits)
            }
        }
    }
}
