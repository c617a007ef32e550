import Encryption
import Federation
import Foundation
import SeededRandom
import Sodium
import Testing

@Suite("Noise on values in clear")
struct GaussianTests {
    @Test("A hundred thousand draws have the mean, the spread and the tails of a normal distribution")
    func distribution() throws {
        let source = SeededSource(seed: 1)
        let count = 100_000
        let values = try GaussianNoise(deviation: 0.25, source: source.bytes).values(count)
        #expect(values.count == count)
        let scaled = values.map { $0 / 0.25 }
        func moment(_ power: Double) -> Double { scaled.reduce(0) { $0 + pow($1, power) } / Double(count) }
        // Four standard errors: 1/sqrt(n), sqrt(2/n), sqrt(15/n), sqrt(96/n).
        #expect(abs(moment(1)) < 0.0127)
        #expect(abs(moment(2) - 1) < 0.0179)
        #expect(abs(moment(3)) < 0.049)
        #expect(abs(moment(4) - 3) < 0.124)
        for (limit, share) in [(1.0, 0.317311), (2.0, 0.045500), (3.0, 0.002700)] {
            let found = Double(scaled.filter { abs($0) > limit }.count) / Double(count)
            #expect(abs(found - share) < 4 * (share * (1 - share) / Double(count)).squareRoot())
        }
        // Neighbours come of one pair of words and are independent all the same.
        let products = stride(from: 0, to: count, by: 2).reduce(0) { $0 + scaled[$1] * scaled[$1 + 1] }
        #expect(abs(products / Double(count / 2)) < 4 / Double(count / 2).squareRoot())
    }

    @Test("Draws are Box and Muller's of the words, an odd number of them too")
    func byHand() throws {
        // Uniforms of 1/2 and 1/4: radius sqrt(2 ln 2), a quarter of the circle.
        let words = [UInt64((1 << 52) - 1) << 11, UInt64((1 << 51) - 1) << 11]
        let noise = GaussianNoise(deviation: 2) { count in
            (0..<count / 16).flatMap { _ in
                words.flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) } }
            }
        }
        let values = try noise.values(3)
        #expect(values.count == 3)
        #expect(abs(values[0]) < 1e-15 && abs(values[2]) < 1e-15)
        #expect(abs(values[1] - 2 * 1.177_410_022_515_474_7) < 1e-15)
        #expect(try noise.values(0).isEmpty)
    }

    @Test(
        "Epsilon is what mpmath makes of Balle and Wang's theorem",
        arguments: [
            (4, 0.926_341_504_003_998_22), (1, 4.377_178_095_681_224_6), (0.5, 9.997_256_146_434_300_4),
            (0.1, 91.817_289_624_663_745), (0.05, 284.391_849_497_742_48), (0.01, 5425.509_846_147_429_6),
        ])
    func epsilon(multiplier: Double, expected: Double) {
        let found = GaussianMechanism(multiplier: multiplier).epsilon(delta: 1e-5)
        #expect(abs(found / expected - 1) < 1e-9)
    }

    @Test("Delta is the integral over where the one density is more than e^epsilon times the other")
    func integral() {
        for (epsilon, multiplier) in [(0.0, 2.0), (1, 1), (0.5, 4), (10, 0.5)] {
            // Densities around 0 and 1, by the trapezium rule.
            let step = 1e-4
            func density(_ x: Double, _ mean: Double) -> Double {
                exp(-(x - mean) * (x - mean) / (2 * multiplier * multiplier))
                    / (multiplier * (2 * Double.pi).squareRoot())
            }
            var sum = 0.0
            var x = -40.0
            while x < 40 {
                sum += max(0, density(x, 1) - exp(epsilon) * density(x, 0)) * step
                x += step
            }
            #expect(abs(GaussianMechanism(multiplier: multiplier).delta(epsilon: epsilon) - sum) < 1e-6)
        }
    }

    @Test("Noise in proportion to a whole adapter is worth no epsilon that means anything, and the figure says so")
    func honest() {
        // noise 0.5 over a million values: the multiplier is 0.0005.
        let found = GaussianMechanism(multiplier: 0.5 / 1000).epsilon(delta: 1e-5)
        #expect(found > 2_000_000 && found < 2_020_000)
        #expect(GaussianMechanism(multiplier: 1e6).epsilon(delta: 1e-5) == 0)
    }
}

@Suite("Which values are encrypted")
struct SensitivityRankingTests {
    @Test("The most sensitive values, the first of equal ones, as many as the fraction rounded up")
    func byHand() throws {
        let sums = [3.0, 1, 4, 1, 5, 9, 2, 6, 5, 3]
        func places(_ fraction: Double) throws -> [Int] {
            let mask = try SensitivityRanking.mask(of: sums, fraction: fraction)
            return (0..<10).filter(mask.contains)
        }
        #expect(try places(0.1) == [5])
        #expect(try places(0.11) == [5, 7])
        #expect(try places(0.3) == [4, 5, 7])
        #expect(try places(0.6) == [0, 2, 4, 5, 7, 8])
        #expect(try places(0.8) == [0, 2, 4, 5, 6, 7, 8, 9])
        #expect(try places(0.999) == [0, 1, 2, 4, 5, 6, 7, 8, 9])
        #expect(try SensitivityRanking.mask(of: [0, 0, 0], fraction: 0.5) == ValueMask(places: [0, 1], of: 3))
        #expect(throws: FederationError.self) { try SensitivityRanking.mask(of: [1], fraction: 0.5) }
    }

    @Test(
        "The same choice as NumPy's stable sort",
        .enabled(if: PythonPaillierTests.python != nil, "set TRIBUTARY_PYTHON to a python3 that has numpy"))
    func numpy() throws {
        var generator = SeededGenerator(seed: 9)
        // Few different values, so that there are ties everywhere.
        let sums = (0..<997).map { _ in Double(Int.random(in: 0..<60, using: &generator)) * 64 / 32_767 }
        let program = """
            import sys, math, numpy as np
            fraction = float(sys.argv[1]); sums = np.array([float(t) for t in sys.argv[2].split()])
            chosen = np.argsort(-sums, kind="stable")[:math.ceil(fraction * len(sums))]
            print(" ".join(str(i) for i in sorted(chosen)))
            """
        for fraction in [0.1, 0.3, 0.77] {
            let process = Process()
            process.executableURL = URL(fileURLWithPath: try #require(PythonPaillierTests.python))
            process.arguments = ["-c", program, "\(fraction)", sums.map { "\($0)" }.joined(separator: " ")]
            let output = Pipe()
            process.standardOutput = output
            try process.run()
            let data = try #require(try output.fileHandleForReading.readToEnd())
            process.waitUntilExit()
            try #require(process.terminationStatus == 0)
            let expected = String(decoding: data, as: UTF8.self).split(whereSeparator: \.isWhitespace).compactMap {
                Int($0)
            }
            let mask = try SensitivityRanking.mask(of: sums, fraction: fraction)
            #expect((0..<997).filter(mask.contains) == expected)
        }
    }
}
