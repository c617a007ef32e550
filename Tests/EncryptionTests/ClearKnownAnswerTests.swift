import Encryption
import Federation
import Testing

/// Payloads in clear, written out by hand from docs/protocol.md, "Sealed vector".
@Suite("Known answers of payloads in clear")
struct ClearKnownAnswerTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let bits: Int
        let cohort: Int
        let values: [UInt32]
        let payload: [UInt8]
        /// Of three contributions, or as many as the cohort has.
        let sum: [UInt8]
        var testDescription: String { "\(bits) bits, \(cohort) clouds" }
    }

    static let rows = [
        // Slots of 10 bits, words of two bytes.
        Row(
            bits: 8, cohort: 3, values: [1, 255, 128, 77], payload: [0, 1, 0, 255, 0, 128, 0, 77],
            sum: [0, 3, 2, 253, 1, 128, 0, 231]),
        // 18 bits, three bytes.
        Row(
            bits: 16, cohort: 3, values: [1, 65535, 258], payload: [0, 0, 1, 0, 255, 255, 0, 1, 2],
            sum: [0, 0, 3, 2, 255, 253, 0, 3, 6]),
        // 8 bits, one byte.
        Row(bits: 8, cohort: 1, values: [255, 1], payload: [255, 1], sum: [255, 1]),
    ]

    @Test("Each value is a word, the most significant byte first, and sums are words' sums", arguments: rows)
    func words(row: Row) throws {
        let layout = try layout(count: row.values.count)
        let scheme = ClearScheme(layout: layout, slots: try SlotLayout(bits: row.bits, cohort: row.cohort))
        #expect(try scheme.seal(row.values, threads: 1) == row.payload)
        let accumulator = scheme.makeAccumulator(checking: .sum)
        for _ in 0..<row.cohort { try accumulator.add(row.payload, sealing: scheme.sealing, threads: 1) }
        #expect(try accumulator.sum() == row.sum)
        let opened = try scheme.open(row.sum, sealing: scheme.sealing, contributions: row.cohort, threads: 1)
        #expect(opened == row.values.map { UInt64($0) * UInt64(row.cohort) })
    }

    /// From "Selective encryption" there: 12 bits and three clouds make words of 14 bits, the first in the lowest bits.
    @Test("What follows ciphertexts in clear is a row of bits without gaps")
    func row() throws {
        let key = try TestKeys.first.get()
        // The least, the middle, the greatest and the middle of what 12 bits hold: 1, 2048, 4095, 2048.
        let first: [Float] = [-0.25, 0, 0.25, 0]
        let update = first + [Float](repeating: 0, count: SelectiveRound.values - first.count)
        let round = try SelectiveRound(
            .selective(ValueMask(places: 4..<94, of: SelectiveRound.values), noise: 1), key: key.publicKey,
            weights: [1, 1, 1], updates: [update, update, update])
        let payloads = try (0..<3).map { try round.seal($0).payload }
        // 90 values in plaintexts of 511 bits: three ciphertexts of 128 bytes.
        for payload in payloads {
            #expect(payload.count == 3 * 128 + 370)
            #expect(payload[384..<391].elementsEqual([0x01, 0x00, 0x00, 0xf2, 0xff, 0x00, 0x20]))
        }
        // 3, 6144, 12285, 6144.
        let sum = try round.sum(payloads)
        #expect(sum[384..<391].elementsEqual([0x03, 0x00, 0x00, 0xd6, 0xff, 0x02, 0x60]))
        // The last of 211 values begins at bit 2940: 2048 is bit 2951, 6144 that and the one behind it; the last six are 0.
        #expect(payloads[0].suffix(2).elementsEqual([0x80, 0x00]) && sum.suffix(2).elementsEqual([0x80, 0x01]))
    }
}
