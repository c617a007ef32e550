import Encryption
import Federation
import SeededRandom
import Sodium
import Testing

@Suite("Quantisation")
struct QuantiserTests {
    private func secret(_ byte: UInt8) throws -> SecretBytes {
        var bytes = [UInt8](repeating: byte, count: 32)
        return try SecretBytes(wiping: &bytes)
    }

    private func stream(
        secret byte: UInt8 = 1, run: String = "demo", round: UInt32 = 1, cloud: String = "north"
    ) throws -> Quantiser.Rounding {
        .stochastic(
            StochasticRounding(
                secret: try secret(byte), run: try RunName(run), round: RoundNumber(round), cloud: try CloudName(cloud))
        )
    }

    @Test("The ends of the range and zero are on the grid", arguments: [2, 3, 8, 16, 31, 32])
    func gridPoints(bits: Int) throws {
        let quantiser = try Quantiser(layout: try layout(count: 3, range: 0.37), bits: bits)
        let expected = [1, UInt32(1) << (bits - 1), UInt32((UInt64(1) << bits) - 1)]
        for rounding in [.nearest, try stream()] {
            let quantised = try quantiser.quantise([-0.37, 0, 0.37], rounding: rounding)
            #expect(quantised.values == expected)
            #expect(quantised.clippedTotal == 0)
        }
    }

    @Test("Whole numbers are exact where the range is the number of steps")
    func countsAreExact() throws {
        let bits = 24
        let range = Double((1 << (bits - 1)) - 1)
        let quantiser = try Quantiser(layout: try layout(count: 6, range: range), bits: bits)
        let counts: [Double] = [0, 1, 17, 1_000_003, range, -range]
        for rounding in [.nearest, try stream()] {
            let values = try quantiser.quantise(counts, rounding: rounding).values
            let sums = values.map { UInt64($0) * 3 }
            #expect(try quantiser.dequantise(sums, contributions: 3) == counts.map { $0 * 3 })
        }
    }

    @Test("Nearest rounding errs by half a step at most, stochastic by less than one; Float and Double agree")
    func errorBounds() throws {
        var generator = SeededGenerator(seed: 2)
        let values = (0..<5000).map { _ in Float.random(in: -2...2, using: &generator) }
        for bits in [4, 8, 12, 16] {
            let quantiser = try Quantiser(layout: try layout(count: 5000, range: 2), bits: bits)
            let step = 2 / Double((1 << (bits - 1)) - 1)
            for (rounding, bound) in [(.nearest, 0.5), (try stream(), 1)] as [(Quantiser.Rounding, Double)] {
                let quantised = try quantiser.quantise(values, rounding: rounding)
                let back = try quantiser.dequantise(quantised.values.map(UInt64.init), contributions: 1)
                let worst = zip(values, back).map { abs(Double($0) - $1) }.max() ?? .infinity
                #expect(worst <= step * bound * (1 + 1e-9))
                #expect(worst > step * bound * 0.9)
                #expect(try quantiser.quantise(values.map(Double.init), rounding: rounding) == quantised)
            }
        }
    }

    @Test("Stochastic rounding has no bias where nearest rounding has")
    func unbiased() throws {
        // 0.3 of a step, 100,000 times: the mean's standard deviation is 0.0015 steps.
        let quantiser = try Quantiser(layout: try layout(count: 100_000, range: 127), bits: 8)
        let values = [Double](repeating: 0.3, count: 100_000)
        func mean(_ rounding: Quantiser.Rounding) throws -> Double {
            let quantised = try quantiser.quantise(values, rounding: rounding).values
            return quantised.reduce(0) { $0 + Double($1) - 128 } / 100_000
        }
        #expect(abs(try mean(try stream()) - 0.3) < 0.0075)
        #expect(try mean(.nearest) == 0)
    }

    @Test("The same secret and names round the same again; each name and the secret matter")
    func reproducible() throws {
        let quantiser = try Quantiser(layout: try layout(count: 500), bits: 8)
        var generator = SeededGenerator(seed: 3)
        let values = (0..<500).map { _ in Float.random(in: -1...1, using: &generator) }
        let reference = try quantiser.quantise(values, rounding: try stream())
        #expect(try quantiser.quantise(values, rounding: try stream()) == reference)
        for other in [
            try stream(secret: 2), try stream(run: "other"), try stream(round: 2), try stream(cloud: "south"),
        ] {
            #expect(try quantiser.quantise(values, rounding: other) != reference)
        }
        let renamed = try Quantiser(layout: try layout(count: 500, name: "other"), bits: 8)
        #expect(try renamed.quantise(values, rounding: try stream()) != reference)
    }

    @Test("Values beyond the range are clipped to it and counted by segment")
    func clipping() throws {
        let layout = try VectorLayout([
            .init(name: "a", shape: [2], range: 1), .init(name: "b", shape: [3], range: 10),
        ])
        let quantiser = try Quantiser(layout: layout, bits: 8)
        let quantised = try quantiser.quantise([1.5, 1, -11, 1e30, 3] as [Float], rounding: .nearest)
        #expect(quantised.clipped == [1, 2])
        #expect(quantised.clippedTotal == 3)
        #expect(quantised.values == [255, 255, 1, 255, 166])
    }

    @Test("NaN and infinities are refused, naming the segment", arguments: [Float.nan, .infinity, -.infinity])
    func notFinite(value: Float) throws {
        let layout = try VectorLayout([
            .init(name: "sound", shape: [2], range: 1), .init(name: "broken", shape: [2], range: 1),
        ])
        let quantiser = try Quantiser(layout: layout, bits: 8)
        for rounding in [.nearest, try stream()] {
            _ = try quantiser.quantise([0, 0.5, 0.5, 0] as [Float], rounding: rounding)
            #expect(throws: EncryptionError.notFinite(segment: "broken")) {
                try quantiser.quantise([0, 0.5, value, 0], rounding: rounding)
            }
        }
    }

    @Test("A vector of another length, and sums that no contributions make, are refused")
    func refusals() throws {
        let quantiser = try Quantiser(layout: try layout(count: 2), bits: 8)
        _ = try quantiser.quantise([0, 0] as [Float], rounding: .nearest)
        #expect(throws: EncryptionError.wrongValueCount(expected: 2, found: 3)) {
            try quantiser.quantise([0, 0, 0] as [Float], rounding: .nearest)
        }
        #expect(try quantiser.dequantise([256, 256], contributions: 2) == [0, 0])
        #expect(throws: EncryptionError.sumOutOfRange(index: 1, contributions: 2)) {
            try quantiser.dequantise([256, 1], contributions: 2)
        }
        #expect(throws: EncryptionError.sumOutOfRange(index: 0, contributions: 2)) {
            try quantiser.dequantise([511, 256], contributions: 2)
        }
        #expect(throws: EncryptionError.wrongValueCount(expected: 2, found: 1)) {
            try quantiser.dequantise([256], contributions: 2)
        }
        #expect(throws: EncryptionError.self) { try quantiser.dequantise([256, 256], contributions: 0) }
    }
}
