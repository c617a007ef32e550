internal import BigInteger
internal import Sodium

extension PaillierPrivateKey {
    /// A fresh key pair from the system's generator: less than a second of one core at 3072 bits, but some ten seconds where
    /// `turbo` needs safe primes.
    ///
    /// - Parameter structure: of the primes; what the profile goes with where one party holds the key, if nil.
    package static func generate(
        size: PaillierKeySize = .bits3072, profile: PaillierProfile = .standard, structure: PaillierKeyStructure? = nil,
        threads: Int = 1
    ) throws -> PaillierPrivateKey {
        let sizes = try size.allowed()
        let structure = structure ?? profile.ownStructure
        guard let kind = PaillierKeyKind(structure: structure, profile: profile) else {
            throw EncryptionError.invalidKey(
                what: "Paillier key", "profile \(profile) does not go with primes of the kind \(structure)")
        }
        var (p, q): (PaillierFactor, PaillierFactor)
        repeat {
            switch structure {
            case .general: (p, q) = (try .general(bits: size.bits / 2), try .general(bits: size.bits / 2))
            case .subgroups:
                let bits = PaillierKeyKind.subgroupBits(modulusBits: size.bits)
                (p, q) = (
                    try .subgroup(bits: size.bits / 2, order: bits), try .subgroup(bits: size.bits / 2, order: bits)
                )
            case .safePrimes:
                let primes = try SafePrimeSearch(bits: size.bits / 2).find(2, threads: threads) { _ in }
                (p, q) = (PaillierFactor(prime: primes[0]), PaillierFactor(prime: primes[1]))
            }
        } while !suit(p.prime, q.prime)
        let hs = try blindingBase(p, q)
        return try PaillierPrivateKey(p: p, q: q, hs: hs, kind: kind, allowing: sizes)
    }
}
