package import BigInteger
internal import Sodium
internal import Synchronization

/// What a cloud needs to seal and aggregate needs to check: the modulus n, and hs, the n-th residue whose powers blind
/// (Damgard, Jurik, Nielsen 2010, section 4.2). Valid by construction: both come from a peer.
package final class PaillierPublicKey: Sendable {
    package let n: Modulus
    package let nSquared: Modulus
    package let hs: Integer
    package let kind: PaillierKeyKind
    /// Its private half is shared among clouds.
    package let isShared: Bool
    package let id: PaillierKeyID

    /// n and n^2 for eight ciphertexts at a time; nil where the machine has no such arithmetic.
    let lanes: LaneKey?

    private let tables = Mutex<[Arithmetic: BlindingTable]>([:])
    private let longerTables = Mutex<[DamgardJurikTable.Name: DamgardJurikTable]>([:])

    package var bits: Int { n.value.bitWidth }
    package var profile: PaillierProfile { kind.profile }
    package var exponentBits: Int { kind.exponentBits(modulusBits: bits) }

    /// Checks everything about a public key that can be checked without the primes. That n is a product of two large
    /// primes, and hs an n-th residue of large order, its maker has to be trusted for (docs/threat-model.md).
    ///
    /// - Parameter bound: what else the id stands for, where the key is part of a larger one.
    package init(
        n: Integer, hs: Integer, kind: PaillierKeyKind, allowing sizes: PaillierKeySizes = .secure, bound: [UInt8] = []
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
        lanes = LaneKey(n: self.n, nSquared: nSquared)
        self.hs = hs
        self.kind = kind
        isShared = !bound.isEmpty
        let hasher = Digest.Hasher()
        hasher.update(n.bigEndianBytes(count: n.bitWidth / 8) ?? [])
        hasher.update(hs.bigEndianBytes(count: n.bitWidth / 4) ?? [])
        hasher.update(bound)
        id = PaillierKeyID(digest: hasher.finish())
    }

    /// The product of the primes below 1000.
    private static let smallPrimes: Integer = (2..<1000).reduce(into: 1) { product, candidate in
        let value = Integer(candidate)
        if value.isProbablePrime() { product *= value }
    }

    /// The table of powers of hs, made at the first call (a tenth to a quarter of a second of one core at 3072 bits) and kept for
    /// as long as the key. Call it early, while there is nothing to seal yet.
    @discardableResult
    package func blindingTable(threads: Int, arithmetic: Arithmetic = .fastest) -> BlindingTable {
        tables.withLock { tables in
            if let table = tables[arithmetic] { return table }
            let made = BlindingTable(key: self, arithmetic: arithmetic, threads: threads)
            tables[arithmetic] = made
            return made
        }
    }

    /// The same of hs^(n^(s - 1)) mod n^(s + 1).
    func blindingTable(_ name: DamgardJurikTable.Name, make: () -> DamgardJurikTable) -> DamgardJurikTable {
        longerTables.withLock { tables in
            if let table = tables[name] { return table }
            let made = make()
            tables[name] = made
            return made
        }
    }

    /// The s of Damgard and Jurik that this key's rounds may have: with the profiles over primes (`PaillierKeyKind`) one table.
    /// Shares and partial openings of a shared key are for plaintexts mod n.
    package var degrees: ClosedRange<Int> { isShared ? 1...1 : DamgardJurik.allowedDegrees }
}

extension PaillierPublicKey {
    /// A key of the kind that goes with the profile where one party holds it alone.
    package convenience init(
        n: Integer, hs: Integer, profile: PaillierProfile, allowing sizes: PaillierKeySizes = .secure
    ) throws(EncryptionError) {
        try self.init(n: n, hs: hs, kind: PaillierKeyKind(own: profile), allowing: sizes)
    }
}

extension PaillierPublicKey: Equatable {
    package static func == (left: PaillierPublicKey, right: PaillierPublicKey) -> Bool {
        left.id == right.id && left.n.value == right.n.value && left.hs == right.hs && left.kind == right.kind
    }
}
