import BigInteger
import Encryption
import Sodium
import Testing

@Suite("Known answers of whole payloads with plaintexts mod n^s")
struct DamgardJurikPayloadTests {
    @Test(
        "With s = 2 and 3 each key that one party holds seals, sums and opens what independent integers say, in every arithmetic",
        arguments: Arithmetic.supported)
    func payloads(arithmetic: Arithmetic) throws {
        let rows = try ProfileRow.all().filter { $0.longer != nil }
        #expect(rows.map(\.profile) == ["conservative", "standard", "turbo"])
        for row in rows {
            let key = try row.key()
            #expect(key.publicKey.kind == PaillierKeyKind(own: key.publicKey.profile))
            let values = Array(repeatElement(row.values, count: 14).joined())
            let longer = try #require(row.longer)
            #expect(longer.map(\.degree) == [2, 3])
            for expected in longer {
                let scheme = DamgardJurikScheme(
                    key: key.publicKey, degree: expected.degree, layout: try layout(count: values.count),
                    slots: try SlotLayout(bits: 8, cohort: 3), arithmetic: arithmetic)
                // More than eight, the last of them part-filled.
                #expect(scheme.shape.units == (expected.degree == 2 ? 15 : 10))
                let exponents = try row.longerExponents(
                    units: scheme.shape.units, byteCount: scheme.exponentByteCount)
                let payload = try scheme.seal(values, exponents: exponents)
                #expect(SHA256.hex(of: payload) == expected.payload_sha256)
                let accumulator = scheme.makeAccumulator()
                for _ in 0..<3 { try accumulator.add(payload, sealing: scheme.sealing, threads: 1) }
                let sum = try accumulator.sum()
                #expect(SHA256.hex(of: sum) == expected.sum_of_three_sha256)
                let opener = DamgardJurikOpener(key: key, scheme: scheme)
                let opened = try opener.open(sum, sealing: scheme.sealing, contributions: 3, threads: 1)
                #expect(opened == values.map { UInt64($0) * 3 })
            }
        }
    }
}
