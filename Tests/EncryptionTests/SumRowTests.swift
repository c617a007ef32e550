import Encryption
import Federation
import SeededRandom
import Sodium
import Testing

@Suite("Released sums")
struct SumRowTests {
    private static let values = 40

    private func opening(
        bits: Int = 8, clouds: Int = 3, outer: OuterOptimizer = .average(rate: 0.5),
        encryption: PartialEncryption? = nil,
        places: ValueMask? = nil
    ) throws -> Opening {
        let digest = Digest(of: Array("opening".utf8))
        return Opening(
            run: try RunName("demo"), round: RoundNumber(7), purpose: .update,
            seat: Seat(try StageName("office/aggregate")),
            layout: try VectorLayout([
                .init(name: "first", shape: [Self.values / 4], range: 0.5),
                .init(name: "second", shape: [3 * Self.values / 4], range: 0.25),
            ]), bits: bits, suite: .clear, keyID: [], profile: "", clipNorm: 0,
            cohort: try (0..<clouds).map { Member(cloud: try CloudName("cloud-\($0)"), weight: 1) },
            quorum: 2, minimumCohort: 2, deadline: 0, startsFrom: RoundNumber(3), adapterDigest: digest,
            adapter: AdapterPlan(
                rank: 1, alpha: 1, targets: [], trains: "b", seed: 0, baseModel: "none",
                baseDigest: digest.description, tokenizerDigest: digest.description),
            training: TrainingPlan(
                steps: 1, batchSize: 1, learningRate: 1, weightDecay: 0, gradientClip: 0, seed: 1, outer: outer),
            split: nil, encryption: encryption,
            compression: places.map {
                CompressionPlan(
                    scales: .fixed, margin: 2, limit: 0.5, feedback: 0, fraction: 0.5, rotation: 0.1, turn: 2,
                    since: RoundNumber(1), places: $0)
            })
    }

    private func sums(_ count: Int, contributions: Int, bits: Int = 8) -> [UInt64] {
        var generator = SeededGenerator(seed: 11)
        let range = UInt64(contributions)...UInt64(contributions) * ((1 << UInt64(bits)) - 1)
        // Both ends are among them.
        return [range.lowerBound, range.upperBound]
            + (2..<count).map { _ in UInt64.random(in: range, using: &generator) }
    }

    private func adapter() -> [Float] {
        var generator = SeededGenerator(seed: 12)
        return (0..<Self.values).map { _ in Float.random(in: -1...1, using: &generator) }
    }

    /// In pieces, as blocks of a round are opened.
    private func bytes(_ row: SumRow, _ sums: [UInt64], pieces: Int = 7) -> [UInt8] {
        var writer = SumRow.Writer(row)
        var bytes: [UInt8] = []
        for start in stride(from: 0, to: sums.count, by: pieces) {
            bytes += writer.append(Array(sums[start..<min(start + pieces, sums.count)]))
        }
        return bytes + writer.finish()
    }

    private func stepped(
        _ row: SumRow, _ bytes: [UInt8], _ values: [Float], at places: ValueMask? = nil, weight: Double = 2.5
    ) throws -> [Float] {
        let step = try OuterStep(.average(rate: 0.5), totalWeight: weight)
        var after: [Float] = []
        try bytes.withUnsafeBytes { bytes in
            try row.step(
                over: values.count, at: places, by: step, bytes, before: { Array(values[$0]) }, after: { after += $0 })
        }
        return after
    }

    @Test("Each value moves by the rate times the mean of what its sum stands for", arguments: [1, 2, 3])
    func steps(contributions: Int) throws {
        let opening = try opening()
        let row = try #require(try SumRow(opening, contributions: contributions))
        let (sums, before) = (sums(Self.values, contributions: contributions), adapter())
        let bytes = bytes(row, sums)
        // Ten bits each.
        #expect(bytes.count == 50 && row.byteCount == 50 && row.values == Self.values)
        let after = try stepped(row, bytes, before)
        for place in before.indices {
            let range = place < 10 ? 0.5 : 0.25
            let sum = range / 127 * Double(Int(sums[place]) - contributions * 128)
            #expect(after[place] == Float(Double(before[place]) + 0.5 * (sum / 2.5)))
        }
        // The lowest bits are the first value's.
        #expect(UInt64(bytes[0]) | UInt64(bytes[1] & 3) << 8 == sums[0])
    }

    @Test("Where some places were summed the others stay as they are")
    func places() throws {
        let mask = try ValueMask(places: [0, 1, 9, 10, 39], of: Self.values)
        let row = try #require(try SumRow(opening(places: mask), contributions: 3))
        let (sums, before) = (sums(5, contributions: 3), adapter())
        let after = try stepped(row, bytes(row, sums), before, at: mask)
        for place in before.indices where !mask.contains(place) { #expect(after[place] == before[place]) }
        for place in mask.places { #expect(after[place] != before[place]) }
        #expect(throws: EncryptionError.self) { try stepped(row, bytes(row, sums), before) }
    }

    @Test("Rounds whose adapter does not follow from their sums alone have none")
    func others() throws {
        #expect(try SumRow(opening(), contributions: 3) != nil)
        #expect(try SumRow(opening(outer: .nesterov(rate: 1, momentum: 0.5)), contributions: 3) == nil)
        let mask = try ValueMask(places: 0..<20, of: Self.values)
        #expect(try SumRow(opening(encryption: .selective(mask, noise: 0)), contributions: 3) == nil)
        // Thirty bits and three clouds: as long as f32.
        #expect(try SumRow(opening(bits: 30), contributions: 3) == nil)
        #expect(try SumRow(opening(bits: 29), contributions: 3) != nil)
        #expect(throws: EncryptionError.wrongContributionCount(found: 5, cohort: 3)) {
            try SumRow(opening(), contributions: 5)
        }
    }

    @Test("A row of another length, with sums that cannot be or bits behind the last is refused")
    func spoiled() throws {
        let row = try #require(try SumRow(opening(bits: 7), contributions: 3))
        let (sums, before) = (sums(Self.values, contributions: 3, bits: 7), adapter())
        let good = bytes(row, sums)
        #expect(throws: Never.self) { try stepped(row, good, before) }
        #expect(throws: EncryptionError.wrongPayloadLength(expected: good.count, found: good.count - 1)) {
            try stepped(row, good.dropLast(), before)
        }
        for (place, sum) in [(0, 2), (39, 3 * 127 + 1)] as [(Int, UInt64)] {
            var bad = sums
            bad[place] = sum
            #expect(throws: EncryptionError.sumOutOfRange(index: place, contributions: 3)) {
                try stepped(row, bytes(row, bad), before)
            }
        }
        #expect(throws: EncryptionError.self) { try stepped(row, good, before.dropLast()) }
        // Forty values of nine bits end with a byte, thirty-nine do not.
        let mask = try ValueMask(places: 0..<39, of: Self.values)
        let shorter = try #require(try SumRow(opening(bits: 7, places: mask), contributions: 3))
        var open = bytes(shorter, Array(sums.dropLast()))
        #expect(throws: Never.self) { try stepped(shorter, open, before, at: mask) }
        open[open.count - 1] |= 0x80
        #expect(throws: EncryptionError.clearPartOverflows) { try stepped(shorter, open, before, at: mask) }
    }
}
