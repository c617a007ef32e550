import BigInteger
import Encryption
import Federation
import Testing

/// Ciphertexts that no honest sealer makes, each first shown accepted unspoiled.
@Suite("Refused ciphertexts")
struct CiphertextRefusalTests {
    private let key: PaillierPrivateKey
    private let scheme: PaillierScheme
    private let opener: PaillierOpener
    private let values: [UInt32]

    init() throws {
        key = try TestKeys.first.get()
        let layout = try layout(count: 120)
        // 9-bit slots, a counter and 55 values to a plaintext: 3 ciphertexts.
        let slots = try SlotLayout(bits: 8, cohort: 2)
        scheme = PaillierScheme(key: key.publicKey, layout: layout, slots: slots)
        opener = PaillierOpener(key: key, layout: layout, slots: slots)
        values = (0..<120).map { UInt32($0 + 1) }
    }

    /// A payload with ciphertext `index` replaced.
    private func payload(replacing index: Int, with ciphertext: Integer) throws -> [UInt8] {
        let width = scheme.shape.bytesPerUnit
        var payload = try scheme.seal(values, threads: 1)
        payload.replaceSubrange(
            index * width..<(index + 1) * width, with: try #require(ciphertext.bigEndianBytes(count: width)))
        return payload
    }

    private func expectRefusal(_ error: EncryptionError, of spoiled: [UInt8]) throws {
        for (threads, arithmetic) in [1, 2].flatMap({ count in Arithmetic.supported.map { (count, $0) } }) {
            let layout = try layout(count: 120)
            let scheme = PaillierScheme(
                key: key.publicKey, layout: layout, slots: scheme.sealing.slots, arithmetic: arithmetic)
            let opener = PaillierOpener(key: key, layout: layout, slots: scheme.sealing.slots, arithmetic: arithmetic)
            let accumulator = scheme.makeAccumulator()
            try accumulator.add(try scheme.seal(values, threads: 1), sealing: scheme.sealing, threads: threads)
            let before = try accumulator.sum()
            #expect(throws: error) { try accumulator.add(spoiled, sealing: scheme.sealing, threads: threads) }
            #expect(throws: error) {
                try opener.open(spoiled, sealing: scheme.sealing, contributions: 1, threads: threads)
            }
            #expect(try accumulator.sum() == before)
            #expect(accumulator.contributions == 1)
            try accumulator.add(try scheme.seal(values, threads: 1), sealing: scheme.sealing, threads: threads)
            let opened = try opener.open(
                accumulator.sum(), sealing: scheme.sealing, contributions: 2, threads: threads)
            #expect(opened == values.map { UInt64($0) * 2 })
        }
    }

    @Test("Zero is refused, wherever it stands", arguments: 0..<3)
    func zero(index: Int) throws {
        try expectRefusal(.ciphertextIsZero(index: index), of: try payload(replacing: index, with: 0))
    }

    @Test("n^2 and all that is above it are refused; n^2 - 1 is a residue like any other")
    func tooLarge() throws {
        let square = key.publicKey.nSquared.value
        let highest = (Integer(1) << (scheme.shape.bytesPerUnit * 8)) - 1
        for value in [square, square + 1, highest] {
            try expectRefusal(.ciphertextTooLarge(index: 1), of: try payload(replacing: 1, with: value))
        }
        let accumulator = scheme.makeAccumulator()
        try accumulator.add(
            try payload(replacing: 1, with: square - 1), sealing: scheme.sealing, threads: 1)
        #expect(accumulator.contributions == 1)
    }

    @Test("Multiples of n, p or q are refused: they would give a factor away or wipe out the sum")
    func notInvertible() throws {
        let (p, q) = try TestKeys.primes(of: key)
        for value in [p * q, p * q * 2, p, q * 12_345, p * p] {
            try expectRefusal(.ciphertextNotInvertible(index: 2), of: try payload(replacing: 2, with: value))
        }
    }

    @Test("Checked at the sum: multiples of n are refused at once, multiples of p or q when the sum is asked for")
    func notInvertibleInSum() throws {
        let (p, q) = try TestKeys.primes(of: key)
        let cohort = try SlotLayout(bits: 8, cohort: 3)
        let layout = try layout(count: 120)
        func spoiled(_ scheme: PaillierScheme, _ value: Integer) throws -> [UInt8] {
            let width = scheme.shape.bytesPerUnit
            var payload = try scheme.seal(values, threads: 1)
            payload.replaceSubrange(2 * width..<3 * width, with: try #require(value.bigEndianBytes(count: width)))
            return payload
        }
        for (threads, arithmetic) in [1, 2].flatMap({ count in Arithmetic.supported.map { (count, $0) } }) {
            let scheme = PaillierScheme(key: key.publicKey, layout: layout, slots: cohort, arithmetic: arithmetic)
            func add(_ payload: [UInt8], to accumulator: any Accumulator) throws {
                try accumulator.add(payload, sealing: scheme.sealing, threads: threads)
            }
            let honest = try (0..<2).map { _ in try scheme.seal(values, threads: 1) }
            for position in 0..<3 {
                for value in [p * q, p * q * 2, p * q * 12_345] {
                    let accumulator = scheme.makeAccumulator(checking: .sum)
                    for payload in honest.prefix(position) { try add(payload, to: accumulator) }
                    #expect(throws: EncryptionError.ciphertextNotInvertible(index: 2)) {
                        try add(try spoiled(scheme, value), to: accumulator)
                    }
                    // It has left no trace.
                    for payload in honest.dropFirst(position) { try add(payload, to: accumulator) }
                    let whole = scheme.makeAccumulator()
                    for payload in honest { try add(payload, to: whole) }
                    #expect(try accumulator.sum() == whole.sum())
                }
                for value in [p, q * 12_345, p * p] {
                    let accumulator = scheme.makeAccumulator(checking: .sum)
                    var payloads = honest
                    payloads.insert(try spoiled(scheme, value), at: position)
                    for payload in payloads { try add(payload, to: accumulator) }
                    #expect(throws: EncryptionError.sumNotInvertible) { try accumulator.sum() }
                }
            }
            // The other two are zero and too large, as ever.
            let accumulator = scheme.makeAccumulator(checking: .sum)
            #expect(throws: EncryptionError.ciphertextIsZero(index: 2)) {
                try add(try spoiled(scheme, 0), to: accumulator)
            }
            #expect(throws: EncryptionError.ciphertextTooLarge(index: 2)) {
                try add(try spoiled(scheme, key.publicKey.nSquared.value), to: accumulator)
            }
        }
    }

    @Test("A payload under another key, or under none, is refused by the key's id")
    func otherKey() throws {
        let other = try TestKeys.second.get().publicKey
        let foreign = PaillierScheme(key: other, layout: try layout(count: 120), slots: scheme.sealing.slots)
        #expect(foreign.shape == scheme.shape)
        let accumulator = scheme.makeAccumulator()
        let payload = try foreign.seal(values, threads: 1)
        #expect(throws: EncryptionError.wrongKey(expected: key.publicKey.id, found: other.id)) {
            try accumulator.add(payload, sealing: foreign.sealing, threads: 1)
        }
        let own = scheme.sealing
        let anonymous = Sealing(suite: .paillier, key: nil, profile: own.profile, layout: own.layout, slots: own.slots)
        #expect(throws: EncryptionError.wrongKey(expected: key.publicKey.id, found: nil)) {
            try accumulator.add(payload, sealing: anonymous, threads: 1)
        }
        let unprofiled = Sealing(suite: .paillier, key: own.key, profile: nil, layout: own.layout, slots: own.slots)
        #expect(throws: EncryptionError.wrongProfile(expected: .standard, found: nil)) {
            try accumulator.add(payload, sealing: unprofiled, threads: 1)
        }
        try accumulator.add(try scheme.seal(values, threads: 1), sealing: own, threads: 1)
    }

    @Test("A plaintext with bits above its last slot is refused when opened, naming its ciphertext")
    func overflow() throws {
        let n = key.publicKey.n.value
        let blinding = key.publicKey.hs.power(12_345, modulo: n * n)
        var plaintext: Integer = 1
        for slot in 1...55 { plaintext += Integer(slot + 55) << (9 * slot) }  // values 56 to 110, as sealed
        func spoiled(_ plaintext: Integer) throws -> [UInt8] {
            try payload(replacing: 1, with: Paillier.ciphertext(of: plaintext, blinding: blinding, n: n))
        }
        let opened = try opener.open(
            try spoiled(plaintext), sealing: scheme.sealing, contributions: 1, threads: 1)
        #expect(opened == values.map(UInt64.init))
        for bit in [56 * 9, 510] {
            let overflowing = try spoiled(plaintext + (Integer(1) << bit))
            #expect(throws: EncryptionError.sumOverflows(ciphertext: 1)) {
                try opener.open(overflowing, sealing: scheme.sealing, contributions: 1, threads: 1)
            }
        }
        let excessive = try spoiled(plaintext + (Integer(1) << (9 * 4 + 8)))  // slot 4: 59 + 256
        #expect(throws: EncryptionError.sumOutOfRange(index: 55 + 3, contributions: 1)) {
            try opener.open(excessive, sealing: scheme.sealing, contributions: 1, threads: 2)
        }
    }

    @Test("Sealing the same values twice gives different ciphertexts throughout")
    func freshBlinding() throws {
        let (first, second) = (try scheme.seal(values, threads: 1), try scheme.seal(values, threads: 1))
        let width = scheme.shape.bytesPerUnit
        let units = [first, second].flatMap { payload in
            (0..<3).map { Array(payload[$0 * width..<($0 + 1) * width]) }
        }
        #expect(Set(units).count == 6)
    }
}
