import BigInteger
import Encryption
import Federation
import Sodium
import Synchronization
import Testing

@Suite("Blinding in memory", .serialized)
struct BlindingMemoryTests {
    /// Exponents that are kept under a mask, so as not to be found here.
    private struct Exponents: Sendable {
        private static let mask: UInt8 = 0x5a
        let masked: [UInt8]

        init(count: Int) throws {
            var bytes = try SystemRandom.bytes(count: count)
            masked = bytes.map { $0 ^ Self.mask }
            wipe(&bytes)
        }

        /// To be wiped.
        func bytes() -> [UInt8] { masked.map { $0 ^ Self.mask } }
    }

    /// Hands each of them out once.
    private final class Supply: Sendable {
        private let exponents: [Exponents]
        private let next = Atomic<Int>(0)

        init(_ exponents: [Exponents]) { self.exponents = exponents }

        func take(count: Int) -> [UInt8] {
            let bytes = exponents[next.wrappingAdd(1, ordering: .relaxed).oldValue].bytes()
            precondition(bytes.count == count, "exponents for eight")
            return bytes
        }
    }

    private let slots: SlotLayout
    private let layout: VectorLayout
    private let key: PaillierPublicKey
    private let values: [UInt32]

    /// Eight ciphertexts of 1024-bit keys, which have exponents of 64 bytes.
    init() throws {
        slots = try SlotLayout(bits: 8, cohort: 3)
        key = try PaillierPrivateKey.generate(size: .insecure(bits: 1024), profile: .conservative).publicKey
        let count = 8 * slots.values(plaintextBits: 1023)
        layout = try EncryptionTests.layout(count: count)
        var generator = SystemRandomNumberGenerator()
        values = (0..<count).map { _ in .random(in: 1...255, using: &generator) }
    }

    private func scheme(_ arithmetic: Arithmetic, pool: BlindingPool? = nil) -> PaillierScheme {
        PaillierScheme(key: key, layout: layout, slots: slots, arithmetic: arithmetic, pool: pool)
    }

    /// The names of what an entry of a pool consists of: two of its exponents, and the first one's power as the arithmetic has it.
    @inline(never)
    private func add(
        _ name: String, _ exponents: Exponents, _ arithmetic: Arithmetic, to search: inout MemorySearch
    ) throws -> Set<String> {
        var bytes = exponents.bytes()
        defer { wipe(&bytes) }
        bytes.withUnsafeBytes { bytes in
            for lane in [0, 7] {
                search.add(
                    "\(name), exponent \(lane)", UnsafeRawBufferPointer(rebasing: bytes[lane * 64..<(lane + 1) * 64]))
            }
        }
        let limbs = LimbBuffer(count: 2 * key.n.limbCount + 1)
        switch key.blindingTable(threads: 1, arithmetic: arithmetic) {
        case .portable(let table):
            bytes.withUnsafeBytes {
                table.power(
                    UnsafeRawBufferPointer(rebasing: $0[..<64]), into: limbs.base,
                    using: ModularMultiplier(key.nSquared))
            }
            try search.add("\(name), power", Integer(limbs: limbs.base, count: limbs.count))
            return ["\(name), exponent 0", "\(name), exponent 7", "\(name), power, turned round"]
        case .lanes(let table):
            let rows = LaneRows(count: 3, of: table.modulus.n)
            bytes.withUnsafeBytes { table.powers($0, into: rows, 0, using: LaneSquareMultiplier(table.modulus)) }
            rows.write(row: 0, lane: 0, toLimbs: limbs.base, count: limbs.count)
            search.addDigits("\(name), power", Integer(limbs: limbs.base, count: limbs.count))
            return ["\(name), exponent 0", "\(name), exponent 7", "\(name), power, in a lane"]
        }
    }

    @inline(never)
    private func filled(_ exponents: [Exponents], _ arithmetic: Arithmetic) throws -> BlindingPool {
        let supply = Supply(exponents)
        let pool = BlindingPool(
            key: key, capacity: 8 * exponents.count, arithmetic: arithmetic, from: { supply.take(count: $0) })
        try pool.fill(threads: 1) { true }
        return pool
    }

    @inline(never)
    private func seal(from pool: BlindingPool, _ arithmetic: Arithmetic) throws -> [UInt8] {
        try scheme(arithmetic, pool: pool).seal(values, threads: 1)
    }

    @Test(
        "A pool's entry is gone once it was used, and the others once the pool is drained or let go",
        arguments: Arithmetic.supported, [false, true])
    func pool(arithmetic: Arithmetic, drained: Bool) throws {
        let exponents = try (0..<2).map { _ in try Exponents(count: 8 * 64) }
        var search = MemorySearch()
        let first = try add("first", exponents[0], arithmetic, to: &search)
        let second = try add("second", exponents[1], arithmetic, to: &search)
        #expect(try search.found() == [])
        var pool: BlindingPool? = try filled(exponents, arithmetic)
        #expect(try Set(search.found()) == first.union(second), "what is held is found")
        let sealed = try seal(from: #require(pool), arithmetic)
        #expect(pool?.count == 8)
        #expect(try Set(search.found()) == first)
        // It was the second that was used.
        var own = exponents[1].bytes()
        #expect(try scheme(arithmetic).seal(values, units: 0..<8, exponents: own) == sealed)
        wipe(&own)
        if drained { pool?.drain() } else { pool = nil }
        #expect(try search.found() == [])
    }

    /// Seals with exponents that the search knows, and shows that it finds them meanwhile.
    @inline(never)
    private func seal(_ arithmetic: Arithmetic, degree: Int, _ search: inout MemorySearch) throws {
        let exponents = try Exponents(count: 8 * 64)
        let names = try add("sealing", exponents, arithmetic, to: &search).filter { !$0.contains("power") }
        var bytes = exponents.bytes()
        defer { wipe(&bytes) }
        let payload: [UInt8]
        if degree == 1 {
            payload = try scheme(arithmetic).seal(values, units: 0..<8, exponents: bytes)
        } else {
            let scheme = DamgardJurikScheme(
                key: key, degree: degree, layout: layout, slots: slots, arithmetic: arithmetic)
            var part = Array(bytes[..<(scheme.shape.units * 64)])
            defer { wipe(&part) }
            payload = try scheme.seal(values, exponents: part)
        }
        #expect(!payload.isEmpty)
        #expect(try Set(search.found()).isSuperset(of: names), "what is held is found")
    }

    @Test(
        "Neither an exponent nor a power of a contribution is left once it is sealed", arguments: Arithmetic.supported,
        [1, 2])
    func sealing(arithmetic: Arithmetic, degree: Int) throws {
        var search = MemorySearch()
        try seal(arithmetic, degree: degree, &search)
        #expect(try search.found() == [])
    }
}
