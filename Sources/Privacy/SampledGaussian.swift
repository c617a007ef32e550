internal import Glibc

/// The Gaussian mechanism over a Poisson sample: each unit takes part with probability `rate`, on its own; each one's vector has an L2
/// norm of 1 at most; the sum has normal noise of deviation `multiplier` in each value. Neighbours differ by one unit that is there or not.
///
/// Source: Mironov, Talwar and Zhang 2019, "Rényi Differential Privacy of the Sampled Gaussian Mechanism" (arXiv 1908.10530), section 3.3.
package struct SampledGaussian: Hashable, Sendable {
    package let rate: Double
    package let multiplier: Double

    /// - Parameters:
    ///   - rate: above 0, 1 for no sampling.
    ///   - multiplier: at least 0; without noise nothing is promised.
    package init(rate: Double, multiplier: Double) {
        precondition(rate > 0 && rate <= 1, "a probability above 0")
        precondition(multiplier >= 0 && multiplier.isFinite, "a standard deviation")
        self.rate = rate
        self.multiplier = multiplier
    }

    /// Logarithms of gamma functions are good to some 1e-14 for each of an order's digits, whatever is left of their difference: what is
    /// said is never below the curve.
    private static let margin = 1 + 1e-10
    private static let floor = 1e-13

    package var curve: RenyiCurve {
        RenyiCurve { order in
            guard multiplier > 0 else { return .infinity }
            guard rate < 1 else { return Self.margin * order / (2 * multiplier * multiplier) }
            return (Self.margin * max(0, logMoment(order)) + Self.floor * order) / (order - 1)
        }
    }

    /// log A at an order: of the likelihood ratio's moment.
    private func logMoment(_ order: Double) -> Double {
        let below = order.rounded(.down)
        if order == below { return whole(Int(order)) }
        return fractional(order)
    }

    /// sum_k binomial(order, k) (1-q)^(order-k) q^k exp((k^2 - k) / (2 sigma^2)), every term above 0.
    private func whole(_ order: Int) -> Double {
        var sum = -Double.infinity
        for k in 0...order {
            let k = Double(k)
            sum = Self.logSum(
                sum,
                Self.logBinomial(Double(order), k) + k * log(rate) + (Double(order) - k) * log1p(-rate)
                    + (k * k - k) / (2 * multiplier * multiplier))
        }
        return sum
    }

    /// Both series of the integral, cut where the densities are equal. Past the order the binomials alternate in sign: their
    /// magnitudes are added, which can only be more. Infinity where the terms do not get
    /// small: the order promises nothing then.
    private func fractional(_ order: Double) -> Double {
        let variance = multiplier * multiplier
        let cut = variance * log(1 / rate - 1) + 0.5
        var (low, high) = (-Double.infinity, -Double.infinity)
        var (lastLow, lastHigh) = (low, low)
        for i in 0..<1000 {
            let i = Double(i)
            let j = order - i
            let binomial = Self.logBinomial(order, i)
            let termLow =
                binomial + i * log(rate) + j * log1p(-rate) + (i * i - i) / (2 * variance)
                + Self.logTail((i - cut) / multiplier)
            let termHigh =
                binomial + j * log(rate) + i * log1p(-rate) + (j * j - j) / (2 * variance)
                + Self.logTail((cut - j) / multiplier)
            low = Self.logSum(low, termLow)
            high = Self.logSum(high, termHigh)
            let total = Self.logSum(low, high)
            if termLow < lastLow, termHigh < lastHigh, max(termLow, termHigh) < total - 30 { return total }
            (lastLow, lastHigh) = (termLow, termHigh)
        }
        return .infinity
    }

    /// log(e^x + e^y).
    private static func logSum(_ x: Double, _ y: Double) -> Double {
        let (less, more) = (min(x, y), max(x, y))
        return less == -.infinity ? more : more + log1p(exp(less - more))
    }

    /// log |binomial(n, k)|, n any number above 0.
    private static func logBinomial(_ n: Double, _ k: Double) -> Double {
        logGamma(n + 1) - logGamma(k + 1) - logGamma(n - k + 1)
    }

    private static func logGamma(_ x: Double) -> Double {
        var sign: Int32 = 0
        return lgamma_r(x, &sign)
    }

    /// log of the probability that a standard normal value lies above x.
    static func logTail(_ x: Double) -> Double {
        guard x > 12 else { return log(0.5 * erfc(x / 2.0.squareRoot())) }
        // Laplace's continued fraction of Mills' ratio.
        var fraction = 0.0
        for term in stride(from: 60.0, to: 0, by: -1) { fraction = term / (x + fraction) }
        return -x * x / 2 - 0.5 * log(2 * Double.pi) - log(x + fraction)
    }
}
