/// A profile over primes of a kind: the table of those that go together. Everything that is made or read is checked by it.
package struct PaillierKeyKind: Hashable, Sendable, CustomStringConvertible {
    package let structure: PaillierKeyStructure
    package let profile: PaillierProfile

    /// Nil where the two do not go together.
    ///
    /// Short exponents need safe primes or private subgroups: over general primes, whose p - 1 has small factors, a short exponent
    /// would be known modulo these to anyone who learns them. Both savings at once, 256-bit exponents in a private subgroup, is a
    /// thing that no paper we know has looked at: `turbo` pays for its shorter blinding with full-length decryption.
    package init?(structure: PaillierKeyStructure, profile: PaillierProfile) {
        guard PaillierKeyKind.table.contains(where: { $0 == (structure, profile) }) else { return nil }
        self.structure = structure
        self.profile = profile
    }

    /// The kind of a key that one party holds alone.
    package init(own profile: PaillierProfile) {
        structure = profile.ownStructure
        self.profile = profile
    }

    package static let all = table.compactMap { PaillierKeyKind(structure: $0.0, profile: $0.1) }

    private static let table: [(PaillierKeyStructure, PaillierProfile)] = [
        (.general, .conservative), (.subgroups, .standard), (.safePrimes, .conservative), (.safePrimes, .standard),
        (.safePrimes, .turbo),
    ]

    package var description: String { "\(profile) over \(structure)" }

    /// The length of a fresh blinding exponent, in bits. Keys too short to protect anything get exponents in proportion.
    package func exponentBits(modulusBits: Int) -> Int {
        switch profile {
        case .conservative: (modulusBits + 1) / 2
        case .standard: 2 * PaillierKeyKind.subgroupBits(modulusBits: modulusBits)
        case .turbo: PaillierKeyKind.subgroupBits(modulusBits: modulusBits)
        }
    }

    /// The length of alpha_p and alpha_q: at least 256 bits, or whoever has n could find them by the square root of that many steps
    /// (Coron, Joux, Mandal, Naccache, Tibouchi, "Cryptanalysis of the RSA subgroup assumption from TCC 2005", PKC 2011).
    static func subgroupBits(modulusBits: Int) -> Int { min(256, modulusBits / 8) }

    /// What secrecy rests on, in a sentence's part for --help, a report or a manifest.
    package var assumption: String {
        switch (structure, profile) {
        case (.subgroups, _):
            "the decisional composite residuosity assumption, and that n-th residues of a secret order (a product of two primes of "
                + "256 bits that divide p - 1 and q - 1; powers with exponents of 512 bits) cannot be told from all others"
        case (.safePrimes, .standard):
            "the decisional composite residuosity assumption, and that discrete logarithms of 512 bits modulo n, a product of "
                + "safe primes, are hard (which makes powers with such short exponents look like powers with full-length ones)"
        case (.safePrimes, .turbo):
            "the decisional composite residuosity assumption, and that discrete logarithms of 256 bits modulo n, a product of "
                + "safe primes, are hard (which makes powers with such short exponents look like powers with full-length ones)"
        case (_, _):
            "the decisional composite residuosity assumption, and the hardness of factoring n (which makes powers with "
                + "exponents of half the length of n look like powers with full-length ones)"
        }
    }
}
