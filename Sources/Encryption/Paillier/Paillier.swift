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
    package init?(p: Integer, q: Integer) { self.init(PaillierFactor(prime: p), PaillierFactor(prime: q)) }

    init?(_ p: PaillierFactor, _ q: PaillierFactor) {
        let n = p.prime * q.prime
        guard p.prime > 2, q.prime > 2, n.isOdd, n.greatestCommonDivisor((p.prime - 1) * (q.prime - 1)) == 1,
            let inverseOfQ = q.prime.inverse(modulo: p.prime), let first = Half(p, other: q.prime),
            let second = Half(q, other: p.prime)
        else { return nil }
        self.p = first
        self.q = second
        self.inverseOfQ = inverseOfQ
    }

    /// The plaintext in 0..<n of a ciphertext that is prime to n; nil where its blinding lies outside the key's private subgroups,
    /// which no honest sealer's does.
    package func plaintext(of ciphertext: Integer) -> Integer? {
        plaintext(powerModP: p.power(of: ciphertext), powerModQ: q.power(of: ciphertext))
    }

    /// The plaintext, from the ciphertext's powers by the exponents of the two halves. Both are looked at before either is told of.
    func plaintext(powerModP: Integer, powerModQ: Integer) -> Integer? {
        let (first, second) = (p.plaintext(ofPower: powerModP), q.plaintext(ofPower: powerModQ))
        guard let modP = first, let modQ = second else { return nil }
        // Garner: m = mq + q * ((mp - mq) / q mod p)
        return modQ + q.prime * ((modP - modQ) * inverseOfQ).modulo(p.prime)
    }

    /// Decryption modulo one of the two primes.
    struct Half {
        let prime: Integer
        let square: Integer
        /// A multiple of the order that honest blinding has: prime - 1, or the order of the private subgroup.
        let exponent: Integer
        private let scale: Integer

        init?(_ factor: PaillierFactor, other: Integer) {
            prime = factor.prime
            exponent = factor.exponent
            // L((1 + n)^e mod p^2) = e q (mod p), where L(x) = (x - 1) / p.
            guard let scale = (exponent * other).modulo(prime).inverse(modulo: prime) else { return nil }
            self.scale = scale
            square = prime * prime
        }

        func power(of ciphertext: Integer) -> Integer {
            ciphertext.modulo(square).secretPower(exponent, modulo: square)
        }

        /// Nil where the power is not 1 modulo the prime: some of the blinding is still there.
        func plaintext(ofPower power: Integer) -> Integer? {
            let rest = power - 1
            guard rest.modulo(prime).isZero else { return nil }
            return (rest / prime * scale).modulo(prime)
        }
    }
}
