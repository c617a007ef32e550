internal import CGMP

extension Integer {
    package static func + (left: Integer, right: Integer) -> Integer {
        make { __gmpz_add($0, left.mpz, right.mpz) }
    }

    package static func - (left: Integer, right: Integer) -> Integer {
        make { __gmpz_sub($0, left.mpz, right.mpz) }
    }

    package static func * (left: Integer, right: Integer) -> Integer {
        make { __gmpz_mul($0, left.mpz, right.mpz) }
    }

    package static prefix func - (value: Integer) -> Integer { 0 - value }

    package static func += (left: inout Integer, right: Integer) { left.mutate { __gmpz_add($0, $0, right.mpz) } }
    package static func -= (left: inout Integer, right: Integer) { left.mutate { __gmpz_sub($0, $0, right.mpz) } }
    package static func *= (left: inout Integer, right: Integer) { left.mutate { __gmpz_mul($0, $0, right.mpz) } }

    package static func << (value: Integer, bits: Int) -> Integer {
        make { __gmpz_mul_2exp($0, value.mpz, UInt(bits)) }
    }

    /// Rounds towards minus infinity.
    package static func >> (value: Integer, bits: Int) -> Integer {
        make { __gmpz_fdiv_q_2exp($0, value.mpz, UInt(bits)) }
    }

    /// Truncates towards zero, as Swift's integers do; the divisor must not be 0.
    package static func / (left: Integer, right: Integer) -> Integer {
        precondition(!right.isZero, "division by zero")
        return make { __gmpz_tdiv_q($0, left.mpz, right.mpz) }
    }

    /// The remainder of `/`, with the sign of the dividend; the divisor must not be 0.
    package static func % (left: Integer, right: Integer) -> Integer {
        precondition(!right.isZero, "division by zero")
        return make { __gmpz_tdiv_r($0, left.mpz, right.mpz) }
    }

    /// The residue in 0..<|modulus|; the modulus must not be 0.
    package func modulo(_ modulus: Integer) -> Integer {
        precondition(!modulus.isZero, "division by zero")
        return Integer.make { __gmpz_mod($0, mpz, modulus.mpz) }
    }

    package func greatestCommonDivisor(_ other: Integer) -> Integer {
        Integer.make { __gmpz_gcd($0, mpz, other.mpz) }
    }

    /// The inverse in 1..<modulus, or nil where the two share a factor. Not constant-time.
    package func inverse(modulo modulus: Integer) -> Integer? {
        var exists = false
        let inverse = Integer.make { exists = __gmpz_invert($0, mpz, modulus.mpz) != 0 }
        return exists ? inverse : nil
    }

    /// self^exponent mod modulus for a public exponent that is not negative; its time depends on the operands.
    package func power(_ exponent: Integer, modulo modulus: Integer) -> Integer {
        precondition(exponent.signum >= 0 && modulus.signum > 0, "power needs exponent >= 0 and modulus > 0")
        return Integer.make { __gmpz_powm($0, mpz, exponent.mpz, modulus.mpz) }
    }

    /// self^exponent mod modulus for a secret exponent above 0 and an odd modulus; same time and same cache lines for
    /// all operands of the same sizes (GMP manual, mpz_powm_sec), except that a base beyond the modulus is reduced first.
    package func secretPower(_ exponent: Integer, modulo modulus: Integer) -> Integer {
        precondition(exponent.signum > 0 && modulus.signum > 0 && modulus.isOdd, "exponent > 0 and an odd modulus")
        return Integer.make { __gmpz_powm_sec($0, mpz, exponent.mpz, modulus.mpz) }
    }

    /// Baillie-PSW and further Miller-Rabin rounds, `repetitions` - 24 of them (GMP manual, mpz_probab_prime_p).
    package func isProbablePrime(repetitions: Int = 40) -> Bool {
        __gmpz_probab_prime_p(mpz, Int32(repetitions)) != 0
    }
}
