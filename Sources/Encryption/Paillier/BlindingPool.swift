package import BigInteger
internal import Sodium
internal import Synchronization

/// Blinding made before there is anything to seal: fresh powers of a key's hs, so that sealing costs two multiplications a ciphertext.
///
/// An entry is handed out once: it is moved out under a lock, and wiped when its taker lets it go. Entries are in memory alone, in no
/// file and in no other process, so that no restart finds one again (do not fork a process that holds a pool).
package final class BlindingPool: Sendable {
    package let key: PaillierPublicKey
    package let arithmetic: Arithmetic
    /// Ciphertexts that a full pool suffices for; entries are for eight.
    package let capacity: Int
    private let source: @Sendable (Int) throws -> [UInt8]
    private let entries = Mutex<[Entry]>([])

    /// Blinding for eight ciphertexts.
    final class Entry: Sendable {
        let powers: Powers
        /// The exponents of the eight, one behind the other: what a proof of plaintext knowledge is about.
        let exponents: Exponents

        /// Wiped on release. Unchecked: written in the initialiser alone.
        final class Exponents: @unchecked Sendable {
            private let limbs: LimbBuffer
            private let count: Int

            init(_ bytes: [UInt8]) {
                count = bytes.count
                limbs = LimbBuffer(count: (bytes.count + 7) / 8)
                UnsafeMutableRawBufferPointer(start: limbs.base, count: limbs.count * 8).copyBytes(from: bytes)
            }

            func withUnsafeBytes(_ body: (UnsafeRawBufferPointer) -> Void) {
                body(UnsafeRawBufferPointer(start: limbs.base, count: count))
            }
        }

        /// Unchecked: written in the initialiser, read by whoever took the entry, the one holder of it.
        enum Powers: @unchecked Sendable {
            /// As `LaneSquareTable.powers` leaves them.
            case lanes(Rows)
            /// Eight residues mod n^2, one behind the other.
            case portable(Limbs)
        }

        final class Rows {
            let rows: LaneRows
            init(_ rows: consuming LaneRows) { self.rows = rows }
        }

        final class Limbs {
            let limbs: LimbBuffer
            init(_ limbs: consuming LimbBuffer) { self.limbs = limbs }
        }

        init(key: PaillierPublicKey, table: BlindingTable, from source: Integer.RandomBytes) throws {
            var exponents = try source(laneCount * ((key.exponentBits + 7) / 8))
            defer { wipe(&exponents) }
            self.exponents = Exponents(exponents)
            powers = exponents.withUnsafeBytes { exponents in
                switch table {
                case .lanes(let table):
                    let rows = LaneRows(count: 3, of: table.modulus.n)
                    table.powers(exponents, into: rows, 0, using: LaneSquareMultiplier(table.modulus))
                    return .lanes(Rows(rows))
                case .portable(let table):
                    let width = key.nSquared.limbCount
                    let limbs = LimbBuffer(count: laneCount * width)
                    let multiplier = ModularMultiplier(key.nSquared)
                    let each = exponents.count / laneCount
                    for index in 0..<laneCount {
                        table.power(
                            UnsafeRawBufferPointer(rebasing: exponents[index * each..<(index + 1) * each]),
                            into: limbs.base + index * width, using: multiplier)
                    }
                    return .portable(Limbs(limbs))
                }
            }
        }
    }

    /// - Parameters:
    ///   - capacity: in ciphertexts; at 3072 bits eight of them take 12 KB.
    ///   - source: of exponents, overwritten once used; another than the system's generator for a test alone, which looks for them in
    ///     memory.
    package init(
        key: PaillierPublicKey, capacity: Int, arithmetic: Arithmetic = .fastest,
        from source: @escaping @Sendable (Int) throws -> [UInt8] = SystemRandom.bytes
    ) {
        self.source = source
        self.key = key
        self.arithmetic = arithmetic
        self.capacity = max(capacity, 0)
    }

    /// Ciphertexts that there is blinding for.
    package var count: Int { entries.withLock { $0.count } * laneCount }

    /// Makes blinding on up to `threads` threads until there is enough for `count` ciphertexts (at most, and by default, for the pool's
    /// capacity), or `goesOn` says no (asked before each eight).
    package func fill(threads: Int, count: Int = .max, while goesOn: @Sendable () -> Bool) throws {
        let wanted = (min(count, capacity) + laneCount - 1) / laneCount
        let missing = wanted - entries.withLock { $0.count }
        guard missing > 0, goesOn() else { return }
        let table = key.blindingTable(threads: threads, arithmetic: arithmetic)
        try Parallel.forEachBlock(of: missing, size: 1, threads: threads) { _ in
            guard goesOn() else { return }
            let entry = try Entry(key: key, table: table, from: source)
            // Two fillings at a time must not fill it twice.
            entries.withLock { if $0.count < wanted { $0.append(entry) } }
        }
    }

    /// The blinding of eight ciphertexts, for the caller alone; nil where there is none left.
    func take() -> Entry? { entries.withLock { $0.popLast() } }

    /// Wipes what is left, where the key has gone out of use.
    package func drain() { entries.withLock { $0 = [] } }
}
