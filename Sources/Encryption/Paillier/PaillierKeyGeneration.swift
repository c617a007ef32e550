internal import BigInteger
internal import Sodium

extension PaillierPrivateKey {
    /// A fresh key pair from the system's generator (Damgard, Jurik, Nielsen 2010, section 4.2); a second or two of one core
    /// at 3072 bits.
    package static func generate(
        size: PaillierKeySize = .bits3072, profile: PaillierProfile = .conservative
    ) throws -> PaillierPrivateKey {
        let sizes: PaillierKeySizes =
            switch size {
            case .insecure: .testing
            case .bits2048, .bits3072, .bits4096: .secure
            }
        guard sizes.allow(bits: size.bits) else {
            throw EncryptionError.invalidKey(
                what: "Paillier key size", "\(size.bits) bits asked for, expected \(sizes.expectation)")
        }
        let p = try randomPrime(bits: size.bits / 2)
        var q = try randomPrime(bits: size.bits / 2)
        while !suit(p, q) { q = try randomPrime(bits: size.bits / 2) }

        let n = p * q
        let x = try randomUnit(of: n)
        let h = (-(x * x)).modulo(n)
        // By the remainder theorem over p^2 and q^2 this would be faster; it happens once in the life of a key.
        let hs = h.power(n, modulo: n * n)
        return try PaillierPrivateKey(p: p, q: q, hs: hs, profile: profile, allowing: sizes)
    }

    /// Uniform among the primes = 3 (mod 4) of exactly `bits` bits whose second-highest bit is set as well, so that the
    /// product of two has exactly 2 * bits bits.
    private static func randomPrime(bits: Int) throws -> Integer {
        let fixed = (Integer(3) << (bits - 2)) + 3
        while true {
            let middle = try Integer.random(bits: bits - 4, from: SystemRandom.bytes) << 2
            let candidate = fixed + middle
            if candidate.isProbablePrime() { return candidate }
        }
    }

    private static func randomUnit(of n: Integer) throws -> Integer {
        while true {
            let candidate = try Integer.random(below: n, from: SystemRandom.bytes)
            if candidate > 1, candidate.greatestCommonDivisor(n) == 1 { return candidate }
        }
    }
}
