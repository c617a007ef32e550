package import BigInteger

/// Paillier's scheme over plain integers: the equations, one ciphertext at a time. The packed, parallel form of them
/// (`PaillierScheme`) is tested against these.
///
/// Source: Paillier, EUROCRYPT '99, scheme 1 with g = 1 + n, where g^m = 1 + m n (mod n^2).
package enum Paillier {
    /// (1 + m n) * blinding mod n^2, for m in 0..<n and a blinding that is an n-th residue: r^n, or a power of hs.
    package static func ciphertext(of plaintext: Integer, blinding: Integer, n: Integer) -> Integer {
        ((plaintext * n + 1) * blinding).modulo(n * n)
    }
}

/// Decryption by the Chinese remainder theorem: two exponentiations of half the length (Paillier 1999, section 7).
///
/// It holds the primes in GMP's memory, which is wiped on release but is neither locked nor guarded: make one for a batch
/// and let it go. The exponentiations are GMP's constant-time ones; reductions and divisions are not.
package struct PaillierDecryption: Sendable {
    let p: Half
    let q: Half
    /// q^-1 mod p.
    private let inverseOfQ: Integer

    /// Nil where p and q make no Paillier key: equal, or n not prime to (p-1)(q-1).
    package init?(p: Integer, q: Integer) {
        let n = p * q
        guard p > 2, q > 2, p.isOdd, q.isOdd, n.greatestCommonDivisor((p - 1) * (q - 1)) == 1,
            let inverseOfQ = q.inverse(modulo: p), let first = Half(prime: p, other: q),
            let second = Half(prime: q, other: p)
        else { return nil }
        self.p = first
        self.q = second
        self.inverseOfQ = inverseOfQ
    }

    /// The plaintext in 0..<n of a ciphertext that is prime to n.
    package func plaintext(of ciphertext: Integer) -> Integer {
        plaintext(powerModP: p.power(of: ciphertext), powerModQ: q.power(of: ciphertext))
    }

    /// The plaintext, from the ciphertext's powers by the exponents of the two halves.
    func plaintext(powerModP: Integer, powerModQ: Integer) -> Integer {
        let modP = p.plaintext(ofPower: powerModP)
        let modQ = q.plaintext(ofPower: powerModQ)
        // Garner: m = mq + q * ((mp - mq) / q mod p)
        return modQ + q.prime * ((modP - modQ) * inverseOfQ).modulo(p.prime)
    }

    /// Decryption modulo one of the two primes.
    struct Half {
        let prime: Integer
        let square: Integer
        /// prime - 1.
        let exponent: Integer
        private let scale: Integer

        init?(prime: Integer, other: Integer) {
            // L((1 + n)^(p-1) mod p^2) = (p - 1) q = -q (mod p), where L(x) = (x - 1) / p.
            guard let scale = (-other).modulo(prime).inverse(modulo: prime) else { return nil }
            self.prime = prime
            self.scale = scale
            square = prime * prime
            exponent = prime - 1
        }

        func power(of ciphertext: Integer) -> Integer {
            ciphertext.modulo(square).secretPower(exponent, modulo: square)
        }

        func plaintext(ofPower power: Integer) -> Integer { ((power - 1) / prime * scale).modulo(prime) }
    }
}
