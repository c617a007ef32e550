package import BigInteger
internal import Sodium
internal import Synchronization

/// What a cloud needs to seal and aggregate needs to check: the modulus n, and hs, the n-th residue whose powers blind
/// (Damgard, Jurik, Nielsen 2010, section 4.2). Valid by construction: both come from a peer.
package final class PaillierPublicKey: Sendable {
    package let n: Modulus
    package let nSquared: Modulus
    package let hs: Integer
    package let profile: PaillierProfile
    package let id: PaillierKeyID

    private let blinding = Mutex<FixedBaseTable?>(nil)

    package var bits: Int { n.value.bitWidth }
    package var exponentBits: Int { profile.exponentBits(modulusBits: bits) }

    /// Checks everything about a public key that can be checked without the primes. That n is a product of two large
    /// primes, and hs an n-th residue of large order, its maker has to be trusted for (docs/threat-model.md).
    package init(
        n: Integer, hs: Integer, profile: PaillierProfile, allowing sizes: PaillierKeySizes = .secure
    ) throws(EncryptionError) {
        func refuse(_ reason: String) -> EncryptionError { .invalidKey(what: "Paillier public key", reason) }
        guard n.signum > 0, sizes.allow(bits: n.bitWidth) else {
            throw refuse("n has \(n.bitWidth) bits, expected \(sizes.expectation)")
        }
        guard n.isOdd, n.greatestCommonDivisor(PaillierPublicKey.smallPrimes) == 1 else {
            throw refuse("n has a small factor")
        }
        guard !n.isProbablePrime(repetitions: 25) else { throw refuse("n is a prime") }
        let square = n * n
        guard hs > 1, hs < square - 1 else { throw refuse("hs does not lie between 1 and n^2 - 1") }
        guard hs.greatestCommonDivisor(n) == 1 else { throw refuse("hs shares a factor with n") }
        self.n = Modulus(n)
        nSquared = Modulus(square)
        self.hs = hs
        self.profile = profile
        let hasher = Digest.Hasher()
        hasher.update(n.bigEndianBytes(count: n.bitWidth / 8) ?? [])
        hasher.update(hs.bigEndianBytes(count: n.bitWidth / 4) ?? [])
        id = PaillierKeyID(digest: hasher.finish())
    }

    /// The product of the primes below 1000.
    private static let smallPrimes: Integer = (2..<1000).reduce(into: 1) { product, candidate in
        let value = Integer(candidate)
        if value.isProbablePrime() { product *= value }
    }

    /// The table of powers of hs, made at the first call (about half a second of one core at 3072 bits) and kept for as long
    /// as the key. Call it early, while there is nothing to seal yet.
    @discardableResult
    package func blindingTable(threads: Int) -> FixedBaseTable {
        blinding.withLock { table in
            if let table { return table }
            let made = FixedBaseTable(base: hs, modulus: nSquared, exponentBits: exponentBits, window: window) {
                rows, fill in
                Parallel.forEachBlock(of: rows, size: 1, threads: threads) { fill($0.lowerBound) }
            }
            table = made
            return made
        }
    }

    /// The widest window, up to 8 bits, whose table stays below 48 MiB: 8 bits and 36 MiB at 3072 bits.
    private var window: Int {
        (1...8).last {
            FixedBaseTable.byteCount(modulus: nSquared, exponentBits: exponentBits, window: $0) <= 48 << 20
        } ?? 1
    }
}

extension PaillierPublicKey: Equatable {
    package static func == (left: PaillierPublicKey, right: PaillierPublicKey) -> Bool {
        left.n.value == right.n.value && left.hs == right.hs && left.profile == right.profile
    }
}
