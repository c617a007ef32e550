import BigInteger
import Encryption
import Federation
import Testing

@Suite("Plaintexts mod n^s")
struct DamgardJurikTests {
    private func peer(_ degree: Int, _ arithmetic: Arithmetic, count: Int) throws -> (
        DamgardJurikScheme, DamgardJurikOpener
    ) {
        let key = try TestKeys.first.get()
        let scheme = DamgardJurikScheme(
            key: key.publicKey, degree: degree, layout: try layout(count: count),
            slots: try SlotLayout(bits: 8, cohort: 3), arithmetic: arithmetic)
        return (scheme, DamgardJurikOpener(key: key, scheme: scheme))
    }

    @Test("Shapes are those of docs/protocol.md: fewer bytes with a larger s, never a slot too many")
    func shapes() throws {
        let key = try TestKeys.first.get().publicKey
        var last = Double.infinity
        for degree in DamgardJurik.allowedDegrees {
            let (scheme, _) = try peer(degree, .portable, count: 5000)
            #expect(scheme.shape.bytesPerUnit == (degree + 1) * 64)
            #expect(scheme.shape.valuesPerUnit == degree * 511 / 10 - 1)
            #expect(scheme.shape.bytesPerValue < last)
            last = scheme.shape.bytesPerValue
            let largest = Integer(1) << DamgardJurik.plaintextBits(modulusBits: 512, degree: degree)
            #expect(largest <= DamgardJurik(n: key.n, degree: degree).plaintexts.value)
            // Of any n of as many bits: the least is 2^511.
            #expect(DamgardJurik.plaintextBits(modulusBits: 512, degree: degree) <= 511 * degree)
        }
    }

    @Test(
        "With s = 1 the ciphertexts are Paillier's, bit for bit, in both arithmetics", arguments: Arithmetic.supported)
    func degreeOne(arithmetic: Arithmetic) throws {
        let (scheme, _) = try peer(1, arithmetic, count: 600)
        let paillier = PaillierScheme(
            key: scheme.key, layout: try layout(count: 600), slots: scheme.sealing.slots, arithmetic: arithmetic)
        let values = (0..<600).map { UInt32($0 % 255 + 1) }
        let exponents = (0..<scheme.shape.units * scheme.exponentByteCount).map { UInt8(truncatingIfNeeded: $0 * 37) }
        let payload = try scheme.seal(values, exponents: exponents)
        #expect(try payload == paillier.seal(values, units: 0..<scheme.shape.units, exponents: exponents))
    }

    @Test("Both arithmetics make the same ciphertexts", arguments: [2, 3])
    func agreement(degree: Int) throws {
        guard Arithmetic.supported.contains(.lanes) else { return }
        let (portable, opener) = try peer(degree, .portable, count: 1700)
        let (lanes, _) = try peer(degree, .lanes, count: 1700)
        let values = (0..<1700).map { UInt32($0 % 255 + 1) }
        let exponents = (0..<portable.shape.units * portable.exponentByteCount).map {
            UInt8(truncatingIfNeeded: $0 * 101)
        }
        let payload = try portable.seal(values, exponents: exponents)
        #expect(try lanes.seal(values, exponents: exponents) == payload)
        let opened = try opener.open(payload, sealing: opener.sealing, contributions: 1, threads: 2)
        #expect(opened == values.map(UInt64.init))
    }

    @Test(
        "Ciphertexts that are 0, too large, not invertible or blinded by something else have errors of their own",
        arguments: [2, 3])
    func refusals(degree: Int) throws {
        let (scheme, opener) = try peer(degree, .fastest, count: 400)
        let values = (0..<400).map { UInt32($0 % 255 + 1) }
        let payload = try scheme.seal(values, threads: 1)
        let width = scheme.shape.bytesPerUnit
        let modulus = scheme.equations.ciphertexts.value
        let (p, _) = try TestKeys.primes(of: try TestKeys.first.get())
        func spoiled(_ value: Integer) throws -> [UInt8] {
            var bytes = payload
            bytes.replaceSubrange(width..<2 * width, with: try #require(value.bigEndianBytes(count: width)))
            return bytes
        }
        let accumulator = scheme.makeAccumulator()
        try accumulator.add(payload, sealing: scheme.sealing, threads: 1)
        for (value, error) in [
            (0, .ciphertextIsZero(index: 1)), (modulus, .ciphertextTooLarge(index: 1)),
            (modulus + 1, .ciphertextTooLarge(index: 1)), (p, .ciphertextNotInvertible(index: 1)),
            (scheme.key.n.value, .ciphertextNotInvertible(index: 1)),
        ] as [(Integer, EncryptionError)] {
            let bytes = try spoiled(value)
            #expect(throws: error) { try accumulator.add(bytes, sealing: scheme.sealing, threads: 1) }
            #expect(throws: error) { try opener.open(bytes, sealing: scheme.sealing, contributions: 1, threads: 1) }
        }
        #expect(try accumulator.sum() == payload && accumulator.contributions == 1)
        let own = Integer(bigEndian: Array(payload[width..<2 * width]))
        let outside = try spoiled(
            (own * Integer(2).power(scheme.equations.plaintexts.value, modulo: modulus)).modulo(modulus))
        #expect(throws: EncryptionError.ciphertextOutsideSubgroup(index: 1)) {
            try opener.open(outside, sealing: scheme.sealing, contributions: 1, threads: 1)
        }
        #expect(throws: EncryptionError.wrongPayloadLength(expected: payload.count, found: payload.count - 1)) {
            try accumulator.add(Array(payload.dropLast()), sealing: scheme.sealing, threads: 1)
        }
    }
}
