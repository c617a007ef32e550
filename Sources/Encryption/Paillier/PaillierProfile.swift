/// How Paillier ciphertexts are blinded, and what must be hard for that to hide anything.
package enum PaillierProfile: String, Hashable, Sendable, CaseIterable, CustomStringConvertible {
    /// Damgard, Jurik, Nielsen (International Journal of Information Security, 2010), section 4.2: powers of one fixed
    /// n-th residue with exponents of half the modulus's length.
    case conservative

    package var description: String { rawValue }

    /// What this profile's secrecy rests on, for the reader of a report.
    package var assumption: String {
        switch self {
        case .conservative:
            "the decisional composite residuosity assumption, and the hardness of factoring n (which makes powers with "
                + "exponents of half the length of n look like powers with full-length ones)"
        }
    }

    /// The length of a fresh blinding exponent, in bits.
    package func exponentBits(modulusBits: Int) -> Int {
        switch self {
        case .conservative: (modulusBits + 1) / 2
        }
    }
}
