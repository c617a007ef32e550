internal import BigInteger
internal import Sodium

/// A prime factor of n, with the order of its private subgroup where the key has such.
struct PaillierFactor {
    let prime: Integer
    /// A prime that divides prime - 1: the order of hs modulo this factor.
    let subgroup: Integer?

    init(prime: Integer, subgroup: Integer? = nil) {
        self.prime = prime
        self.subgroup = subgroup
    }

    /// The exponent that takes an honest ciphertext's blinding away.
    var exponent: Integer { subgroup ?? prime - 1 }

    /// Uniform among the primes = 3 (mod 4) of exactly `bits` bits whose second-highest bit is set as well, so that the
    /// product of two has exactly 2 * bits bits.
    static func general(bits: Int) throws -> PaillierFactor {
        let fixed = (Integer(3) << (bits - 2)) + 3
        while true {
            let middle = try Integer.random(bits: bits - 4, from: SystemRandom.bytes) << 2
            let candidate = fixed + middle
            if candidate.isProbablePrime() { return PaillierFactor(prime: candidate) }
        }
    }

    /// A prime p = 2 alpha k + 1 of exactly `bits` bits with the two highest set, alpha a random prime of exactly `order` bits and k a
    /// random odd number that alpha does not divide.
    static func subgroup(bits: Int, order: Int) throws -> PaillierFactor {
        var alpha: Integer
        repeat {
            // The two highest bits of it are 1 as well: alpha_p * alpha_q has exactly twice as many bits.
            let middle = try Integer.random(bits: order - 3, from: SystemRandom.bytes) << 1
            alpha = (Integer(3) << (order - 2)) + middle + 1
        } while !alpha.isProbablePrime()
        let least = Integer(3) << (bits - 2)
        while true {
            let wanted = least + (try Integer.random(bits: bits - 2, from: SystemRandom.bytes))
            var cofactor = wanted / (alpha * 2)
            if !cofactor.isOdd { cofactor += 1 }
            let candidate = alpha * 2 * cofactor + 1
            guard candidate.bitWidth == bits, candidate > least, !cofactor.modulo(alpha).isZero else { continue }
            if candidate.isProbablePrime() { return PaillierFactor(prime: candidate, subgroup: alpha) }
        }
    }

    /// Why this factor is none of a key of the structure, if so.
    func fault(for structure: PaillierKeyStructure, modulusBits: Int) -> String? {
        switch (structure, subgroup) {
        case (.general, nil): return nil
        case (.safePrimes, nil):
            return ((prime - 1) >> 1).isProbablePrime() ? nil : "p and q are not both safe primes"
        case (.subgroups, .some(let order)):
            guard order.bitWidth == PaillierKeyKind.subgroupBits(modulusBits: modulusBits), order.isProbablePrime()
            else { return "the orders of its subgroups are not primes of the expected length" }
            let (quotient, rest) = ((prime - 1) / order, (prime - 1) % order)
            return rest.isZero && !(quotient % order).isZero
                ? nil : "the orders of its subgroups do not divide p - 1 and q - 1"
        case (.general, .some), (.safePrimes, .some), (.subgroups, nil):
            return "it names subgroups that its kind does not have, or none"
        }
    }
}

extension PaillierPrivateKey {
    /// A fresh hs = h^n mod n^2 whose powers blind.
    static func blindingBase(_ p: PaillierFactor, _ q: PaillierFactor) throws -> Integer {
        let n = p.prime * q.prime
        let h: Integer
        if let first = p.subgroup, let second = q.subgroup {
            // An element of each subgroup other than 1, put together by the remainder theorem.
            let modP = try generator(of: first, modulo: p.prime)
            let modQ = try generator(of: second, modulo: q.prime)
            guard let inverse = q.prime.inverse(modulo: p.prime) else {
                throw EncryptionError.invalidKey(what: "Paillier private key", "p and q are equal")
            }
            h = modQ + q.prime * ((modP - modQ) * inverse).modulo(p.prime)
        } else {
            // Damgard, Jurik, Nielsen 2010, section 4.2.
            let x = try randomUnit(of: n)
            h = (-(x * x)).modulo(n)
        }
        // By the remainder theorem over p^2 and q^2 this would be faster; it happens once in the life of a key.
        return h.power(n, modulo: n * n)
    }

    private static func generator(of order: Integer, modulo prime: Integer) throws -> Integer {
        while true {
            let x = try Integer.random(below: prime - 1, from: SystemRandom.bytes) + 1
            let candidate = x.secretPower((prime - 1) / order, modulo: prime)
            if candidate != 1 { return candidate }
        }
    }

    private static func randomUnit(of n: Integer) throws -> Integer {
        while true {
            let candidate = try Integer.random(below: n, from: SystemRandom.bytes)
            if candidate > 1, candidate.greatestCommonDivisor(n) == 1 { return candidate }
        }
    }
}
