internal import BigInteger
internal import Glibc
internal import Sodium
internal import Synchronization

/// Looks for safe primes p = 2 p' + 1, p and p' both prime: such a p makes the squares mod p^2 a group without small
/// subgroups.
///
/// The numbers of a random stretch are sieved for p' and p together (Wiener, "Safe prime generation with a combined
/// sieve", IACR ePrint 2003/186), and what is left is tested, p' before p. Each stretch is drawn afresh and gives one
/// prime at most, so that no two primes of a key lie near each other.
struct SafePrimeSearch {
    /// Of p. The two highest are 1, so that a product of two such primes has exactly twice as many.
    let bits: Int
    private let smallPrimes: [UInt32]
    /// Odd numbers in a stretch: somewhat more than lie between two safe primes on the average, (ln p)^2 / 2.6.
    private let stretch: Int

    init(bits: Int) {
        self.bits = bits
        // Beyond the square of the length, a small prime costs more than the tests it saves.
        smallPrimes = SafePrimeSearch.primes(below: max(bits * bits, 1024))
        stretch = bits * bits / 2
    }

    /// `count` different safe primes, looked for by `threads` threads at once.
    ///
    /// - Parameter progress: told the number of candidates tested so far, now and then and from any thread.
    func find(_ count: Int, threads: Int, progress: @Sendable (_ tested: Int) -> Void) throws -> [Integer] {
        let found = Mutex<[Integer]>([])
        let tested = Atomic<Int>(0)
        try Parallel.forEachBlock(of: max(threads, 1), size: 1, threads: threads) { _ in
            while found.withLock({ $0.count < count }) {
                let prime = try searchStretch {
                    let total = tested.wrappingAdd(1, ordering: .relaxed).newValue
                    if total.isMultiple(of: 64) { progress(total) }
                    return found.withLock { $0.count < count }
                }
                guard let prime else { continue }
                found.withLock { if $0.count < count, !$0.contains(prime) { $0.append(prime) } }
            }
        }
        return found.withLock { $0 }
    }

    /// The first safe prime of a random stretch, or nil where there is none or the search is over.
    private func searchStretch(goesOn: () -> Bool) throws -> Integer? {
        // p' begins with 11 and is odd.
        let random = try Integer.random(bits: bits - 4, from: SystemRandom.bytes)
        let start = (Integer(3) << (bits - 3)) + random * 2 + 1
        let isComposite = UnsafeMutablePointer<Bool>.allocate(capacity: stretch)
        isComposite.initialize(repeating: false, count: stretch)
        defer {
            explicit_bzero(isComposite, stretch)  // it tells p modulo many small primes
            isComposite.deallocate()
        }
        for prime in smallPrimes { strike(prime, start: start, in: isComposite) }
        for index in 0..<stretch where !isComposite[index] {
            let half = start + Integer(2 * index)
            guard half.bitWidth == bits - 1, goesOn() else { return nil }
            // One Miller-Rabin test sends away nearly every composite; few come to the others.
            guard half.isProbablePrime(repetitions: 1) else { continue }
            let prime = half * 2 + 1
            if prime.isProbablePrime(repetitions: 1), half.isProbablePrime(), prime.isProbablePrime() { return prime }
        }
        return nil
    }

    /// Strikes out the k for which `prime` divides p' = start + 2 k, or 2 p' + 1.
    private func strike(_ prime: UInt32, start: Integer, in isComposite: UnsafeMutablePointer<Bool>) {
        let modulus = Int(prime)
        let residue = Int(start.remainder(dividingBy: UInt(prime)))
        for target in [0, (modulus - 1) / 2] {
            let difference = (target + modulus - residue) % modulus
            // Half of it, modulo an odd number.
            var index = difference.isMultiple(of: 2) ? difference / 2 : (difference + modulus) / 2
            while index < stretch {
                isComposite[index] = true
                index += modulus
            }
        }
    }

    /// The odd primes below `limit` (the sieve of Eratosthenes).
    private static func primes(below limit: Int) -> [UInt32] {
        var isComposite = [Bool](repeating: false, count: limit)
        var primes: [UInt32] = []
        for candidate in stride(from: 3, to: limit, by: 2) where !isComposite[candidate] {
            primes.append(UInt32(candidate))
            for multiple in stride(from: candidate * candidate, to: limit, by: 2 * candidate) {
                isComposite[multiple] = true
            }
        }
        return primes
    }
}
