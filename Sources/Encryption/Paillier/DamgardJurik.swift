package import BigInteger

/// Damgard and Jurik's generalisation of Paillier's scheme over plain integers (PKC 2001): plaintexts mod n^s, ciphertexts
/// mod n^(s + 1). s = 1 is Paillier's scheme. Longer plaintexts for the same n: (s + 1) / s bytes for a byte, in place of two.
package struct DamgardJurik: Sendable {
    /// s.
    package let degree: Int
    package let n: Modulus
    /// n^s.
    package let plaintexts: Modulus
    /// n^(s + 1).
    package let ciphertexts: Modulus
    /// n^k / k! mod n^(s + 1), for k from 2 to s.
    private let terms: [Integer]

    package static let allowedDegrees = 1...3

    /// - Parameter n: prime to `degree`!, as a product of large primes is.
    package init(n: Modulus, degree: Int) {
        precondition(DamgardJurik.allowedDegrees.contains(degree), "s of 1 to 3")
        self.n = n
        self.degree = degree
        var power: Integer = 1
        for _ in 0..<degree { power *= n.value }
        plaintexts = Modulus(power)
        let ciphertexts = Modulus(power * n.value)
        self.ciphertexts = ciphertexts
        var terms: [Integer] = []
        var numerator = n.value
        var factorial: Integer = 1
        for k in stride(from: 2, through: degree, by: 1) {
            numerator *= n.value
            factorial *= Integer(k)
            guard let inverse = factorial.inverse(modulo: ciphertexts.value) else {
                preconditionFailure("n has no small factor")
            }
            terms.append(ciphertexts.multiply(numerator, inverse))
        }
        self.terms = terms
    }

    /// Bits that plaintexts may have. n is at least 2^(|n| - 1), so n^s may be as short as s (|n| - 1) + 1 bits: s |n| - 1 would be too
    /// many.
    package static func plaintextBits(modulusBits: Int, degree: Int) -> Int { degree * (modulusBits - 1) }

    /// (1 + n)^m mod n^(s + 1), by the binomial theorem: 1 + m n + m (m - 1) n^2 / 2 + ...
    package func encode(_ plaintext: Integer) -> Integer {
        var result = plaintext * n.value + 1
        var falling = plaintext
        for (index, term) in terms.enumerated() {
            falling = (falling * (plaintext - Integer(index + 1))).modulo(plaintexts.value)
            result += falling * term
        }
        return result.modulo(ciphertexts.value)
    }

    /// The base that blinds: h^(n^s) mod n^(s + 1), from hs = h^n mod n^2. What hs lacks to be h^n mod n^(s + 1) is 1 mod n^2, and its
    /// power by n^(s - 1) is 1.
    package func blindingBase(_ hs: Integer) -> Integer {
        degree == 1 ? hs : ciphertexts.power(hs, plaintexts.value / n.value)
    }
}

/// The way back, by the remainder theorem. What `PaillierDecryption` says of memory and time holds here.
package struct DamgardJurikDecryption: Sendable {
    private let p: Half
    private let q: Half
    /// (q^s)^-1 mod p^s.
    private let inverse: Integer

    package init?(p: Integer, q: Integer, degree: Int) {
        self.init(PaillierFactor(prime: p), PaillierFactor(prime: q), degree: degree)
    }

    init?(_ p: PaillierFactor, _ q: PaillierFactor, degree: Int) {
        guard let first = Half(p, other: q.prime, degree: degree), let second = Half(q, other: p.prime, degree: degree),
            let inverse = second.plaintexts.inverse(modulo: first.plaintexts)
        else { return nil }
        self.p = first
        self.q = second
        self.inverse = inverse
    }

    /// The plaintext in 0..<n^s; nil where the blinding lies outside the key's private subgroups.
    package func plaintext(of ciphertext: Integer) -> Integer? {
        let (first, second) = (p.plaintext(of: ciphertext), q.plaintext(of: ciphertext))
        guard let modP = first, let modQ = second else { return nil }
        return modQ + q.plaintexts * ((modP - modQ) * inverse).modulo(p.plaintexts)
    }

    /// Decryption modulo a power of one of the two primes.
    private struct Half: Sendable {
        let prime: Integer
        let exponent: Integer
        let degree: Int
        /// p^j for j from 0 to s + 1.
        let powers: [Integer]
        /// q^-1 and (exponent)^-1 mod p^s, and p^(k - 1) q^k / k! mod p^s for k from 2 to s.
        let inverseOfOther: Integer
        let inverseOfExponent: Integer
        let terms: [Integer]

        var plaintexts: Integer { powers[degree] }

        init?(_ factor: PaillierFactor, other: Integer, degree: Int) {
            prime = factor.prime
            exponent = factor.exponent
            self.degree = degree
            powers = (0...degree + 1).reduce(into: []) { $0.append($1 == 0 ? 1 : $0[$1 - 1] * factor.prime) }
            let modulus = powers[degree]
            guard let inverseOfOther = other.inverse(modulo: modulus),
                let inverseOfExponent = exponent.inverse(modulo: modulus)
            else { return nil }
            self.inverseOfOther = inverseOfOther
            self.inverseOfExponent = inverseOfExponent
            var terms: [Integer] = []
            var (term, factorial) = (other, Integer(1))
            for k in stride(from: 2, through: degree, by: 1) {
                term *= other * prime
                factorial *= Integer(k)
                guard let inverse = factorial.inverse(modulo: modulus) else { return nil }
                terms.append((term * inverse).modulo(modulus))
            }
            self.terms = terms
        }

        func plaintext(of ciphertext: Integer) -> Integer? {
            let modulus = powers[degree + 1]
            let power = ciphertext.modulo(modulus).secretPower(exponent, modulo: modulus)
            guard power.modulo(prime) == 1 else { return nil }
            return (logarithm(of: power) * inverseOfExponent).modulo(plaintexts)
        }

        /// The i mod p^s with (1 + n)^i = `power` mod p^(s + 1), found modulo p, p^2 ... in turn (Damgard and Jurik 2001, section 4.2,
        /// with p^(k - 1) q^k in place of n^(k - 1)).
        private func logarithm(of power: Integer) -> Integer {
            var found: Integer = 0
            for j in 1...degree {
                let modulus = powers[j]
                var rest = (power.modulo(powers[j + 1]) - 1) / prime
                var falling = found
                for (index, term) in terms.prefix(j - 1).enumerated() {
                    falling = (falling * (found - Integer(index + 1))).modulo(modulus)
                    rest -= falling * term
                }
                found = (rest * inverseOfOther).modulo(modulus)
            }
            return found
        }
    }
}
