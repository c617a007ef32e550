import Foundation
import SeededRandom
import Testing

import Privacy

@Suite("Discrete Gaussians") struct DiscreteGaussianTests {
    /// Exact probabilities by adding the series up.
    private func probabilities(_ variance: UInt64) -> [Int64: Double] {
        let reach = Int64(DiscreteGaussian.bound(variance))
        let weights = (-reach...reach).map { ($0, exp(-Double($0 * $0) / (2 * Double(variance)))) }
        let total = weights.reduce(0) { $0 + $1.1 }
        return Dictionary(uniqueKeysWithValues: weights.map { ($0.0, $0.1 / total) })
    }

    /// How many deviations the chi-square statistic lies above what it is expected to be.
    private func surprise(_ counts: [Int64: Int], _ expected: [Int64: Double], draws: Int) -> Double {
        var (statistic, cells) = (0.0, 0)
        var rest = (observed: 0, expected: 0.0)
        for (value, probability) in expected {
            let (observed, mean) = (counts[value] ?? 0, probability * Double(draws))
            if mean >= 5 {
                statistic += (Double(observed) - mean) * (Double(observed) - mean) / mean
                cells += 1
            } else {
                rest = (rest.observed + observed, rest.expected + mean)
            }
        }
        if rest.expected > 0.5 {
            let gap = Double(rest.observed) - rest.expected
            statistic += gap * gap / rest.expected
            cells += 1
        }
        let freedom = Double(cells - 1)
        return (statistic - freedom) / (2 * freedom).squareRoot()
    }

    @Test("Draws follow the exact probabilities", arguments: [1, 2, 3, 7, 10, 50, 400] as [UInt64])
    func chiSquare(variance: UInt64) throws {
        var words = SeededGenerator(seed: 11 + variance)
        let sampler = DiscreteGaussian(variance: variance)
        let draws = 200_000
        var counts: [Int64: Int] = [:]
        for _ in 0..<draws { counts[sampler.draw(&words), default: 0] += 1 }
        let expected = probabilities(variance)
        #expect(counts.keys.allSatisfy { expected[$0] != nil })
        #expect(surprise(counts, expected, draws: draws) < 5)
        // The same draws against a variance that is a twentieth larger: the test would see that.
        let other = variance >= 10 ? probabilities(variance + max(1, variance / 20)) : probabilities(variance + 1)
        #expect(surprise(counts, other, draws: draws) > 5)
    }

    @Test("Wide ones have the mean, variance and kurtosis of a normal distribution")
    func moments() {
        for variance in [1_000_003, 1 << 40, 1 << 50] as [UInt64] {
            var words = SeededGenerator(seed: variance)
            let sampler = DiscreteGaussian(variance: variance)
            let draws = 40_000
            var sums = (0.0, 0.0, 0.0)
            for _ in 0..<draws {
                let x = Double(sampler.draw(&words)) / Double(variance).squareRoot()
                sums = (sums.0 + x, sums.1 + x * x, sums.2 + x * x * x * x)
            }
            let n = Double(draws)
            // Deviations of the three means: 1, root 2 and root 96, over the root of the draws.
            #expect(abs(sums.0 / n) < 5 / n.squareRoot())
            #expect(abs(sums.1 / n - 1) < 5 * 2.0.squareRoot() / n.squareRoot())
            #expect(abs(sums.2 / n - 3) < 5 * 96.0.squareRoot() / n.squareRoot())
        }
    }

    @Test("Coins of chance exp(-a/b)", arguments: [(1, 3), (1, 1), (7, 3), (0, 5)] as [(UInt128, UInt128)])
    func coins(a: UInt128, b: UInt128) {
        var words = SeededGenerator(seed: 4)
        let draws = 100_000
        let heads = (0..<draws).reduce(0) { sum, _ in sum + (DiscreteGaussian.isExponential(a, b, &words) ? 1 : 0) }
        let chance = exp(-Double(a) / Double(b))
        #expect(abs(Double(heads) / Double(draws) - chance) <= 5 * (chance * (1 - chance) / Double(draws)).squareRoot())
    }

    @Test("Whole roots")
    func roots() {
        for value in [0, 1, 2, 3, 4, 8, 9, 15, 16, 17, 1 << 50, (1 << 50) - 1, 999_999_999_999] as [UInt64] {
            let root = DiscreteGaussian.root(value)
            #expect(root * root <= value && (root + 1) * (root + 1) > value)
        }
    }
}

@Suite("Sums of discrete Gaussians") struct DistributedGaussianTests {
    @Test("One share of a wide one is the Gaussian mechanism")
    func single() {
        let one = DistributedGaussian(shares: 1, variance: 400, sensitivity: 10, dimension: 1000)
        #expect(one.distance == 0)
        let gaussian = SampledGaussian(rate: 1, multiplier: 2).curve
        for (found, expected) in zip(one.curve.values, gaussian.values) {
            #expect(abs(found - expected) <= 1e-12 * expected)
        }
    }

    @Test("Several are nearly one of all their variance, and the difference is counted")
    func several() {
        // By hand: sigma^2 = 1, three shares: 10 (exp(-pi^2) + exp(-2 pi^2 2/3)).
        let three = DistributedGaussian(shares: 3, variance: 1, sensitivity: 2, dimension: 50)
        let expected = 10 * (exp(-Double.pi * Double.pi) + exp(-4 * Double.pi * Double.pi / 3))
        #expect(abs(three.distance - expected) < 1e-15)
        let ratio = 2 / 3.0.squareRoot()
        for (order, value) in zip(RenyiCurve.orders, three.curve.values) {
            let first = order * ratio * ratio / 2 + expected * 50
            let second = order / 2 * (ratio + 50.0.squareRoot() * expected) * (ratio + 50.0.squareRoot() * expected)
            #expect(abs(value - min(first, second)) <= 1e-9 * value)
            #expect(value > order * ratio * ratio / 2)
        }
        let wide = DistributedGaussian(shares: 3, variance: 1e6, sensitivity: 2000, dimension: 50)
        let one = SampledGaussian(rate: 1, multiplier: 3.0.squareRoot() / 2).curve
        #expect(abs(wide.curve.epsilon(delta: 1e-5) - one.epsilon(delta: 1e-5)) < 1e-8)
        // Steps as coarse as the noise promise nothing.
        let coarse = DistributedGaussian(shares: 3, variance: 0.2, sensitivity: 1, dimension: 5)
        #expect(coarse.curve.epsilon(delta: 1e-5) == .infinity)
    }

    @Test("Divergences of small sums, added up term by term, are never above the curve")
    func exact() {
        for (variance, shares) in [(1, 2), (1, 3), (2, 2), (4, 4)] {
            let reach = 12 * (variance + 1)
            let weights = (-reach...reach).map { exp(-Double($0 * $0) / (2 * Double(variance))) }
            let total = weights.reduce(0, +)
            var sum = [1.0]
            for _ in 0..<shares {
                var next = [Double](repeating: 0, count: sum.count + weights.count - 1)
                for (i, p) in sum.enumerated() {
                    for (j, q) in weights.enumerated() { next[i + j] += p * q / total }
                }
                sum = next
            }
            let curve = DistributedGaussian(
                shares: shares, variance: Double(variance), sensitivity: 1, dimension: 1
            ).curve
            for (index, order) in RenyiCurve.orders.enumerated() where [2.0, 3, 5, 8].contains(order) {
                // Of the sum and the sum moved by one step.
                var moment = 0.0
                for place in 1..<sum.count where sum[place] > 1e-250 && sum[place - 1] > 1e-250 {
                    moment += sum[place - 1] * exp((order - 1) * (log(sum[place - 1]) - log(sum[place])))
                }
                #expect(log(moment) / (order - 1) <= curve.values[index] * (1 + 1e-9))
                #expect(log(moment) / (order - 1) > 0.8 * (order / 2 / Double(variance * shares)))
            }
        }
    }

    @Test("Rounding makes a vector longer by the root of its values at most")
    func rounding() {
        var words = SeededGenerator(seed: 3)
        for _ in 0..<50 {
            let values = (0..<300).map { _ in Double.random(in: -4...4, using: &words) }
            let norm = values.reduce(0) { $0 + $1 * $1 }.squareRoot()
            let away = values.map { $0 < 0 ? $0.rounded(.down) : $0.rounded(.up) }
            let length = away.reduce(0) { $0 + $1 * $1 }.squareRoot()
            #expect(length <= DistributedGaussian.rounded(norm: norm, dimension: 300) && length > norm)
        }
    }
}
