import Encryption
import Federation
import Sodium
import Testing

/// What aggregate sees.
@Suite("Masked payloads")
struct MaskedPayloadTests {
    private func histogram(_ bytes: [UInt8]) -> [Int] {
        var counts = [Int](repeating: 0, count: 256)
        for byte in bytes { counts[Int(byte)] += 1 }
        return counts
    }

    @Test("A payload of equal values looks uniform, and no two payloads are the same", arguments: [8, 16, 31])
    func uniform(bits: Int) throws {
        let slots = try SlotLayout(bits: bits, cohort: 3)
        let layout = try layout(count: 100_000)
        let values = [UInt32](repeating: 1, count: layout.count)
        var payloads: Set<[UInt8]> = []
        for _ in 0..<2 {
            let round = try MaskedRound(clouds: 3)
            for masking in round.maskings {
                let payload = try masking.scheme(layout: layout, slots: slots).seal(values, threads: 1)
                // 255 degrees of freedom: mean 255, standard deviation 22.6; 400 is beyond six of them.
                #expect(chiSquare(histogram(payload)) < 400)
                payloads.insert(payload)
            }
        }
        #expect(payloads.count == 6)
        // The same values without masks are far from it.
        let clear = try ClearScheme(layout: layout, slots: slots).seal(values, threads: 1)
        #expect(chiSquare(histogram(clear)) > 100_000)
    }

    @Test("What lies between two values' payloads under one round is uniform too")
    func differences() throws {
        let slots = try SlotLayout(bits: 8, cohort: 3)
        let layout = try layout(count: 100_000)
        let round = try MaskedRound(clouds: 3)
        let payloads = try round.maskings.map {
            try $0.scheme(layout: layout, slots: slots).seal([UInt32](repeating: 9, count: 100_000), threads: 1)
        }
        for (left, right) in [(0, 1), (1, 2), (0, 2)] {
            #expect(chiSquare(histogram(zip(payloads[left], payloads[right]).map { $0 ^ $1 })) < 400)
        }
    }

    /// Words of 16 bits, so that the masks can be taken off by hand.
    @Test("The sum stays masked for aggregate, even with all self-masks: what is left are publish's, and nothing else")
    func sumStaysMasked() throws {
        let slots = try SlotLayout(bits: 14, cohort: 3)
        let layout = try layout(count: 50_000)
        let round = try MaskedRound(clouds: 3)
        let accumulator = MaskedScheme(agreement: round.members.digest, layout: layout, slots: slots).makeAccumulator()
        for masking in round.maskings {
            let scheme = try masking.scheme(layout: layout, slots: slots)
            try accumulator.add(
                scheme.seal([UInt32](repeating: 5, count: layout.count), threads: 1), sealing: scheme.sealing,
                threads: 1)
        }
        let sum = try accumulator.sum()
        #expect(chiSquare(histogram(sum)) < 400)
        let opener = try round.opener(of: round.clouds, layout: layout, slots: slots)
        #expect(try opener.open(sum, sealing: opener.sealing, contributions: 3, threads: 1).allSatisfy { $0 == 15 })

        let terms = round.terms
        let lines = "\(terms.run)\n\(terms.round)\n\(terms.opening)\n\(round.members.digest)\n"
        func subtract(_ key: SecretBytes, _ sign: UInt16, from row: inout [UInt16]) {
            row.withUnsafeMutableBytes { row in
                let stream = UnsafeMutableRawBufferPointer.allocate(byteCount: row.count, alignment: 8)
                defer { stream.deallocate() }
                key.withUnsafeBytes { MaskStream.fill(stream, key: $0, block: 0) }
                let masks = stream.bindMemory(to: UInt16.self)
                for (index, word) in row.bindMemory(to: UInt16.self).enumerated() {
                    row.bindMemory(to: UInt16.self)[index] = word &- sign &* masks[index]
                }
            }
        }
        var row = stride(from: 0, to: sum.count, by: 2).map { UInt16(sum[$0]) | UInt16(sum[$0 + 1]) << 8 }
        for secrets in round.secrets {
            let seed = Array(SecretSharingTests.bytes(try secrets.encoded())[64..<96])
            let key = try seed.withUnsafeBytes {
                try KeyedHash.key(from: $0, label: "tributary self mask 1\n\(lines)\(secrets.keys.stage)\n")
            }
            subtract(key, 1, from: &row)
        }
        // Pairs of clouds cancel, self-masks are off: publish's masks hide the sum as well as ever.
        #expect(chiSquare(histogram(row.flatMap { [UInt8($0 & 255), UInt8($0 >> 8)] })) < 400)
        #expect(Set(row).count > 30_000)
        for secrets in round.secrets {
            let pair = try BoxKeyPair(
                secret: SecretSharingTests.secret(Array(SecretSharingTests.bytes(try secrets.encoded())[..<32])))
            let names = [secrets.keys.stage, terms.publisher].sorted()
            let key = try pair.agreement(with: round.parties.publisher.maskKey).withUnsafeBytes {
                try KeyedHash.key(from: $0, label: "tributary pairwise mask 1\n\(lines)\(names[0])\n\(names[1])\n")
            }
            subtract(key, names[0] == secrets.keys.stage ? 1 : .max, from: &row)
        }
        #expect(row.allSatisfy { $0 == 15 })
    }

    @Test("Masks are used once: no second scheme, no second vector, no part again")
    func once() throws {
        let slots = try SlotLayout(bits: 8, cohort: 3)
        let layout = try layout(count: 64)
        let round = try MaskedRound(clouds: 3)
        let scheme = try round.maskings[0].scheme(layout: layout, slots: slots)
        let values = [UInt32](repeating: 1, count: 64)
        _ = try scheme.seal(values, units: 0..<4, threads: 1)
        #expect(throws: MaskingError.masksSpent) { try scheme.seal(values, units: 3..<8, threads: 1) }
        _ = try scheme.seal(values, units: 4..<8, threads: 1)
        #expect(throws: MaskingError.masksSpent) { try scheme.seal(values, threads: 1) }
        #expect(throws: MaskingError.masksSpent) { try round.maskings[0].scheme(layout: layout, slots: slots) }
        let adder = MaskedScheme(agreement: round.members.digest, layout: layout, slots: slots)
        #expect(throws: MaskingError.noMasks) { try adder.seal(values, threads: 1) }
    }

    @Test("A long payload takes no more bytes than under `clear`", arguments: [(8, 3), (8, 8), (16, 3), (32, 255)])
    func size(bits: Int, cohort: Int) throws {
        let slots = try SlotLayout(bits: bits, cohort: cohort)
        let layout = try layout(count: 10_000)
        let masked = MaskedScheme(agreement: layout.digest, layout: layout, slots: slots).shape
        let clear = ClearScheme(layout: layout, slots: slots).shape
        #expect(masked.byteCount <= clear.byteCount)
        #expect(masked.bytesPerValue == Double(slots.width) / 8)
    }
}
