import BigInteger
import Encryption
import Federation
import SeededRandom
import Testing

/// Whatever the processor has: the same ciphertexts from the same exponents, the same sums, the same values.
@Suite(
    "Both arithmetics make the same payloads",
    .enabled(
        if: Arithmetic.supported.contains(.lanes),
        "this machine has no AVX-512 IFMA: everything here is done by GMP alone"))
struct ArithmeticAgreementTests {
    /// To 3072 bits, the default; made once, with their tables of powers.
    private static let keys = Result {
        [try TestKeys.first.get()]
            + (try [.insecure(bits: 1152), .bits2048, .bits3072].map { try PaillierPrivateKey.generate(size: $0) })
    }

    private func values(_ count: Int, seed: UInt64) -> [UInt32] {
        var generator = SeededGenerator(seed: seed)
        return (0..<count).map { _ in .random(in: 1...255, using: &generator) }
    }

    @Test("The same values with the same exponents are the same ciphertexts, whole payloads and parts")
    func sealing() throws {
        for key in try Self.keys.get() {
            let slots = try SlotLayout(bits: 8, cohort: 3)
            let perUnit = slots.values(plaintextBits: key.publicKey.bits - 1)
            for count in [1, 7 * perUnit, 8 * perUnit, 19 * perUnit - 3] {
                let layout = try layout(count: count)
                let schemes = Arithmetic.allCases.map {
                    PaillierScheme(key: key.publicKey, layout: layout, slots: slots, arithmetic: $0)
                }
                let values = values(count, seed: 11)
                let units = schemes[0].shape.units
                var exponents = [UInt8](repeating: 0xff, count: units * schemes[0].exponentByteCount)
                var generator = SeededGenerator(seed: 12)
                // The first and the last stay all ones; the second is 0.
                for unit in 1..<max(units - 1, 1) {
                    for index in unit * schemes[0].exponentByteCount..<(unit + 1) * schemes[0].exponentByteCount {
                        exponents[index] = unit == 1 ? 0 : .random(in: 0...255, using: &generator)
                    }
                }
                let payload = try schemes[0].seal(values, units: 0..<units, exponents: exponents)
                #expect(try schemes[1].seal(values, units: 0..<units, exponents: exponents) == payload)
                let width = schemes[0].shape.bytesPerUnit
                for part in [0..<1, units / 2..<units, units - 1..<units] {
                    let bytes = schemes[1].exponentByteCount
                    let own = Array(exponents[part.lowerBound * bytes..<part.upperBound * bytes])
                    #expect(
                        try schemes[1].seal(values, units: part, exponents: own)
                            == Array(payload[part.lowerBound * width..<part.upperBound * width]))
                }
            }
        }
    }

    @Test("Sums and opened values agree, whichever arithmetic sealed, added and opened, on any number of threads")
    func roundTrips() throws {
        for key in try Self.keys.get() {
            let slots = try SlotLayout(bits: 8, cohort: 4)
            let count = 301 * slots.values(plaintextBits: key.publicKey.bits - 1) / (key.publicKey.bits / 256) - 5
            let layout = try layout(count: count)
            let schemes = Arithmetic.allCases.map {
                PaillierScheme(key: key.publicKey, layout: layout, slots: slots, arithmetic: $0)
            }
            let contributions = (0..<4).map { values(count, seed: $0) }
            let expected = contributions[0].indices.map { index in
                contributions.reduce(UInt64(0)) { $0 + UInt64($1[index]) }
            }
            let payloads = try contributions.enumerated().map { index, values in
                try schemes[index % 2].seal(values, threads: index + 1)
            }
            /// The sum after each contribution: taking it must not disturb what follows.
            func sums(_ scheme: PaillierScheme, threads: Int, _ checking: InverseCheck) throws -> [[UInt8]] {
                let accumulator = scheme.makeAccumulator(checking: checking)
                return try payloads.map { payload in
                    try accumulator.add(payload, sealing: scheme.sealing, threads: threads)
                    return try accumulator.sum()
                }
            }
            let reference = try sums(schemes[0], threads: 1, .eachContribution)
            #expect(reference[0] == payloads[0])
            for checking in [InverseCheck.eachContribution, .sum] {
                for scheme in schemes {
                    for threads in [1, 3] { #expect(try sums(scheme, threads: threads, checking) == reference) }
                }
            }
            let sum = try #require(reference.last)
            for arithmetic in Arithmetic.allCases {
                let opener = PaillierOpener(key: key, layout: layout, slots: slots, arithmetic: arithmetic)
                for threads in [1, 2] {
                    #expect(
                        try opener.open(sum, sealing: opener.sealing, contributions: 4, threads: threads) == expected)
                }
                let part = 3..<opener.shape.units - 1
                let opened = try opener.open(sum, units: part, sealing: opener.sealing, contributions: 4, threads: 1)
                #expect(opened == Array(expected[opener.shape.values(ofUnits: part)]))
            }
        }
    }
}
