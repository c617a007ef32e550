import BigInteger
import Encryption
import Federation
import Foundation
import Synchronization
import Testing

@Suite("Blinding made in advance")
struct BlindingPoolTests {
    private func scheme(
        _ arithmetic: Arithmetic, units: Int, pool: BlindingPool?, key: PaillierPrivateKey
    ) throws -> (PaillierScheme, PaillierOpener, [UInt32]) {
        let slots = try SlotLayout(bits: 8, cohort: 1)
        let layout = try layout(count: units * slots.values(plaintextBits: 511))
        let scheme = PaillierScheme(
            key: key.publicKey, layout: layout, slots: slots, arithmetic: arithmetic, pool: pool)
        let opener = PaillierOpener(key: key, layout: layout, slots: slots, arithmetic: arithmetic)
        return (scheme, opener, (0..<layout.count).map { UInt32($0 % 255 + 1) })
    }

    @Test("What is sealed from a pool opens to the same, also where the pool runs out", arguments: Arithmetic.supported)
    func roundTrip(arithmetic: Arithmetic) throws {
        let key = try TestKeys.first.get()
        for capacity in [0, 1, 40, 100] {
            let pool = BlindingPool(key: key.publicKey, capacity: capacity, arithmetic: arithmetic)
            try pool.fill(threads: 2) { true }
            let filled = (capacity + 7) / 8 * 8
            #expect(pool.count == filled)
            let (scheme, opener, values) = try scheme(arithmetic, units: 67, pool: pool, key: key)
            let payload = try scheme.seal(values, threads: 2)
            #expect(pool.count == max(filled - 72, 0))  // nine entries, the last for three
            let opened = try opener.open(payload, sealing: scheme.sealing, contributions: 1, threads: 1)
            #expect(opened == values.map(UInt64.init))
        }
    }

    @Test("No entry is handed out twice, while others fill and take", arguments: Arithmetic.supported)
    func handedOutOnce(arithmetic: Arithmetic) throws {
        let key = try TestKeys.first.get()
        let pool = BlindingPool(key: key.publicKey, capacity: 64, arithmetic: arithmetic)
        let (scheme, _, values) = try scheme(arithmetic, units: 50, pool: pool, key: key)
        let ones = [UInt32](repeating: 1, count: values.count)
        let sealed = Mutex<[[UInt8]]>([])
        DispatchQueue.concurrentPerform(iterations: 12) { index in
            do {
                if index % 3 == 0 {
                    for _ in 0..<4 { try pool.fill(threads: 2) { true } }
                } else {
                    let payload = try scheme.seal(ones, threads: 2)
                    sealed.withLock { $0.append(payload) }
                }
            } catch { Issue.record(error) }
        }
        let payloads = sealed.withLock { $0 }
        let units = payloads.flatMap { payload in
            (0..<50).map { Array(payload[$0 * 128..<($0 + 1) * 128]) }
        }
        // The same plaintext in all: two with the same blinding would be equal.
        #expect(units.count == 8 * 50 && Set(units).count == units.count)
        #expect(pool.count <= 64)
    }

    @Test("A pool stays within its bound, stops when told, and forgets what it is told to forget")
    func bounds() throws {
        let key = try TestKeys.first.get()
        let pool = BlindingPool(key: key.publicKey, capacity: 32)
        try pool.fill(threads: 1) { false }
        #expect(pool.count == 0)
        for _ in 0..<2 { try pool.fill(threads: 1, count: 5) { true } }
        #expect(pool.count == 8)
        pool.drain()
        let asked = Atomic<Int>(0)
        try pool.fill(threads: 1) { asked.wrappingAdd(1, ordering: .relaxed).newValue <= 3 }
        #expect(pool.count == 16)  // asked once before, and once before each eight
        for _ in 0..<3 { try pool.fill(threads: 2) { true } }
        #expect(pool.count == 32)
        pool.drain()
        #expect(pool.count == 0)
    }

    @Test("Given exponents are used and no blinding is taken")
    func knownAnswers() throws {
        let key = try TestKeys.first.get()
        let pool = BlindingPool(key: key.publicKey, capacity: 16)
        try pool.fill(threads: 1) { true }
        let (scheme, _, values) = try scheme(.fastest, units: 3, pool: pool, key: key)
        let exponents = [UInt8](repeating: 7, count: 3 * scheme.exponentByteCount)
        let first = try scheme.seal(values, units: 0..<3, exponents: exponents)
        #expect(try scheme.seal(values, units: 0..<3, exponents: exponents) == first)
        #expect(pool.count == 16)
    }
}
