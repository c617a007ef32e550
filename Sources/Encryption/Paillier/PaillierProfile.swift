/// How much blinding a ciphertext gets. What must be hard for that to hide anything also depends on the primes: `PaillierKeyKind`.
package enum PaillierProfile: String, Hashable, Sendable, CaseIterable, CustomStringConvertible {
    /// Damgard, Jurik, Nielsen (International Journal of Information Security, 2010), section 4.2: powers of one fixed
    /// n-th residue with exponents of half the modulus's length.
    case conservative
    /// Exponents of 512 bits: the default.
    case standard
    /// Exponents of 256 bits.
    case turbo

    package var description: String { rawValue }

    /// The primes of a key of this profile that one party holds alone.
    package var ownStructure: PaillierKeyStructure {
        switch self {
        case .conservative: .general
        case .standard: .subgroups
        case .turbo: .safePrimes
        }
    }

    /// What this profile's secrecy rests on where one party holds the key, for the reader of a report.
    package var assumption: String { assumption(over: ownStructure) ?? "" }

    /// What it rests on over primes of another kind; nil where the two do not go together.
    package func assumption(over structure: PaillierKeyStructure) -> String? {
        PaillierKeyKind(structure: structure, profile: self)?.assumption
    }
}

/// What a key's primes are like.
package enum PaillierKeyStructure: String, Hashable, Sendable, CaseIterable, CustomStringConvertible {
    /// Random primes p = q = 3 (mod 4) with gcd(p - 1, q - 1) = 2.
    case general
    /// Such primes with a secret prime alpha_p that divides p - 1, and alpha_q that divides q - 1: hs has the order
    /// alpha_p * alpha_q. After Paillier, EUROCRYPT '99, scheme 3, and Ma, Han, Lei, ACSAC 2021.
    case subgroups
    /// (p - 1) / 2 and (q - 1) / 2 are primes as well, as threshold keys need them.
    case safePrimes = "safe-primes"

    package var description: String { rawValue }
}
