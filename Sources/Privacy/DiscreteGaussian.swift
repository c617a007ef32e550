/// Draws whole numbers x with probability in proportion to exp(-x^2 / (2 sigma^2)), exactly: fair bits, whole numbers and comparisons, no
/// floating point, whose gaps have given noise away (Mironov 2012).
///
/// Source: Canonne, Kamath and Steinke 2020, "The Discrete Gaussian for Differential Privacy" (arXiv 2004.00010), algorithms 1 to 3. How
/// many words one draw takes depends on what is drawn, and so does its time.
package struct DiscreteGaussian: Hashable, Sendable {
    /// sigma squared.
    package let variance: UInt64
    /// The scale of the discrete Laplace numbers that are drawn first: the root's whole part, and 1.
    private let scale: UInt64

    package static let variances: ClosedRange<UInt64> = 1...(1 << 50)
    /// What lies beyond so many deviations is never said: see `draw`.
    package static let reach: UInt64 = 12

    package init(variance: UInt64) {
        precondition(DiscreteGaussian.variances.contains(variance), "a variance of 1 to 2^50")
        self.variance = variance
        scale = DiscreteGaussian.root(variance) + 1
    }

    /// The largest magnitude that is drawn: twelve deviations, rounded up.
    package var bound: UInt64 { DiscreteGaussian.bound(variance) }

    package static func bound(_ variance: UInt64) -> UInt64 { reach * (root(variance) + 1) }

    /// One number, of magnitude `bound` at most: what lies beyond, less than 2 exp(-72) of all, is drawn again.
    package func draw(_ words: inout some RandomNumberGenerator) -> Int64 {
        while true {
            let (magnitude, isNegative) = laplace(&words)
            guard magnitude <= bound else { continue }
            // |y| - sigma^2 / t, squared, over 2 sigma^2: (|y| t - sigma^2)^2 / (2 sigma^2 t^2), below 2^62 squared.
            let (product, sigma) = (UInt128(magnitude) * UInt128(scale), UInt128(variance))
            let distance = product > sigma ? product - sigma : sigma - product
            if DiscreteGaussian.isExponential(
                distance * distance, 2 * sigma * UInt128(scale) * UInt128(scale), &words)
            {
                return isNegative ? -Int64(magnitude) : Int64(magnitude)
            }
        }
    }

    /// Discrete Laplace of scale t, its parameters whole (algorithm 2 with s = 1).
    private func laplace(_ words: inout some RandomNumberGenerator) -> (magnitude: UInt64, isNegative: Bool) {
        while true {
            let fine = DiscreteGaussian.below(UInt128(scale), &words)
            guard DiscreteGaussian.isExponentialOfPart(fine, UInt128(scale), &words) else { continue }
            var coarse: UInt64 = 0
            while DiscreteGaussian.isExponentialOfPart(1, 1, &words) { coarse += 1 }
            let magnitude = UInt64(truncatingIfNeeded: fine) + scale * coarse
            let isNegative = words.next() & 1 == 1
            if isNegative, magnitude == 0 { continue }
            return (magnitude, isNegative)
        }
    }

    /// True with probability exp(-a / b).
    package static func isExponential(
        _ a: UInt128, _ b: UInt128, _ words: inout some RandomNumberGenerator
    ) -> Bool {
        var whole = a / b
        while whole > 0 {
            guard isExponentialOfPart(1, 1, &words) else { return false }
            whole -= 1
        }
        return isExponentialOfPart(a % b, b, &words)
    }

    /// The same of a <= b (algorithm 1): the first k at which a coin of chance a / (b k) falls is odd with that probability.
    private static func isExponentialOfPart(
        _ a: UInt128, _ b: UInt128, _ words: inout some RandomNumberGenerator
    ) -> Bool {
        var k: UInt128 = 1
        while isBelow(a, b, timesOneIn: k, &words) { k += 1 }
        return k % 2 == 1
    }

    /// True with probability a / (b k).
    private static func isBelow(
        _ a: UInt128, _ b: UInt128, timesOneIn k: UInt128, _ words: inout some RandomNumberGenerator
    ) -> Bool {
        guard k == 1 || below(k, &words) == 0 else { return false }
        return a == b || below(b, &words) < a
    }

    /// Each whole number below the bound alike.
    private static func below(_ bound: UInt128, _ words: inout some RandomNumberGenerator) -> UInt128 {
        if bound <= UInt128(UInt64.max) {
            let bound = UInt64(truncatingIfNeeded: bound)
            let shift = UInt64((bound - 1).leadingZeroBitCount)
            guard shift < 64 else { return 0 }
            while true {
                let word = words.next() >> shift
                if word < bound { return UInt128(word) }
            }
        }
        let shift = UInt128((bound - 1).leadingZeroBitCount)
        while true {
            let word = (UInt128(words.next()) << 64 | UInt128(words.next())) >> shift
            if word < bound { return word }
        }
    }

    /// The largest whole number whose square is `value` at most, by Newton's method on whole numbers.
    package static func root(_ value: UInt64) -> UInt64 {
        guard value > 1 else { return value }
        var guess: UInt64 = 1 << ((65 - UInt64(value.leadingZeroBitCount)) / 2)
        while true {
            let next = (guess + value / guess) / 2
            if next >= guess { return guess }
            guess = next
        }
    }
}
