package import BigInteger
internal import Sodium

/// Makes a threshold key and its shares, and forgets the key: the one place where the primes of a shared key ever are.
/// Whoever runs it has to be trusted to let nothing of it out.
package enum ThresholdDealer {
    /// What a dealer draws at random.
    package struct Choices {
        /// Safe primes of equal length.
        package let p: Integer
        package let q: Integer
        /// A unit mod n: hs is its square, to the power of n.
        package let blindingRoot: Integer
        /// A unit mod n^2: v is its square.
        package let verificationRoot: Integer
        /// threshold - 1 numbers below p' q': times n, the polynomial's coefficients but the lowest, which is d.
        package let coefficients: [Integer]

        package init(
            p: Integer, q: Integer, blindingRoot: Integer, verificationRoot: Integer, coefficients: [Integer]
        ) {
            self.p = p
            self.q = q
            self.blindingRoot = blindingRoot
            self.verificationRoot = verificationRoot
            self.coefficients = coefficients
        }
    }

    package typealias Dealing = (key: ThresholdPublicKey, shares: [KeyShare])

    /// A fresh key from the system's generator, and a share for each party: some seconds of two cores at 3072 bits,
    /// most of it the search for safe primes, whose length varies.
    ///
    /// - Parameter progress: told the number of candidates tested so far, from any thread.
    package static func deal(
        size: PaillierKeySize = .bits3072, profile: PaillierProfile = .standard, parties: Int, threshold: Int,
        threads: Int, progress: @Sendable (_ tested: Int) -> Void = { _ in }
    ) throws -> Dealing {
        try ThresholdPublicKey.check(parties: parties, threshold: threshold)
        let sizes = try size.allowed()
        let search = SafePrimeSearch(bits: size.bits / 2)
        while true {
            let primes = try search.find(2, threads: threads, progress: progress)
            let (p, q) = (primes[0], primes[1])
            guard PaillierPrivateKey.suit(p, q) else { continue }
            let n = p * q
            let m = ((p - 1) >> 1) * ((q - 1) >> 1)
            let choices = Choices(
                p: p, q: q, blindingRoot: try randomUnit(of: n), verificationRoot: try randomUnit(of: n * n),
                coefficients: try (1..<threshold).map { _ in
                    try Integer.random(below: m, from: SystemRandom.bytes)
                })
            return try deal(choices, profile: profile, parties: parties, threads: threads, allowing: sizes)
        }
    }

    /// The key and the shares that given choices make: for known answers.
    package static func deal(
        _ choices: Choices, profile: PaillierProfile, parties: Int, threads: Int,
        allowing sizes: PaillierKeySizes = .secure
    ) throws -> Dealing {
        let threshold = choices.coefficients.count + 1
        try ThresholdPublicKey.check(parties: parties, threshold: threshold)
        let (p, q) = (choices.p, choices.q)
        let (halfOfP, halfOfQ) = ((p - 1) >> 1, (q - 1) >> 1)
        func refuse(_ reason: String) -> ThresholdError { .invalidKey(reason) }
        guard p.bitWidth == q.bitWidth, PaillierPrivateKey.suit(p, q),
            [p, q, halfOfP, halfOfQ].allSatisfy({ $0.isProbablePrime() })
        else { throw refuse("p and q are not two safe primes of one length, far enough apart") }
        let n = p * q
        let square = Modulus(n * n)
        let m = halfOfP * halfOfQ
        let order = n * m
        guard let inverse = m.inverse(modulo: n) else { throw refuse("n and p' q' share a factor") }
        // 1 mod n and 0 mod m.
        let secret = m * inverse

        let h = (choices.blindingRoot * choices.blindingRoot).modulo(n)
        let hs = square.power(h, n)
        let base = square.multiply(choices.verificationRoot, choices.verificationRoot)
        let delta = ThresholdPublicKey.delta(parties: parties)
        let coefficients = choices.coefficients.reversed().map { $0 * n } + [secret]
        let values = (1...parties).map { party in
            // Horner, from the highest coefficient down.
            coefficients.reduce(Integer(0)) { sum, coefficient in
                (sum * Integer(party) + coefficient).modulo(order)
            }
        }
        guard values.allSatisfy({ $0 > 1 }) else { throw refuse("a share gives nothing to open with: deal again") }
        var verificationKeys = [Integer](repeating: 0, count: parties)
        verificationKeys.withUnsafeMutableBufferPointer { keys in
            Parallel.forEachBlock(of: parties, size: 1, threads: threads) { block in
                for index in block { keys[index] = square.secretPower(base, values[index] * delta) }
            }
        }
        let key = try ThresholdPublicKey(
            n: n, hs: hs, profile: profile, threshold: threshold, verificationBase: base,
            verificationKeys: verificationKeys, allowing: sizes)
        let shares = try values.enumerated().map { index, value in
            let bytes = try SecretBytes(count: key.bits / 4) {
                precondition(value.writeBigEndian(to: $0), "a share is below n p' q'")
            }
            return KeyShare(checked: bytes, party: index + 1, keyID: key.id)
        }
        return (key, shares)
    }

    private static func randomUnit(of n: Integer) throws -> Integer {
        while true {
            let candidate = try Integer.random(below: n, from: SystemRandom.bytes)
            if candidate > 1, candidate.greatestCommonDivisor(n) == 1 { return candidate }
        }
    }
}
