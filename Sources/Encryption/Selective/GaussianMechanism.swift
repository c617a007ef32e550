internal import Glibc

/// What Gaussian noise on a vector is worth in differential privacy: the exact curve of the Gaussian mechanism (Balle and Wang,
/// ICML 2018, theorem 8), for one release of a vector whose change has an L2 norm of at most 1, under noise of standard
/// deviation `multiplier` in each value.
package struct GaussianMechanism: Sendable {
    package let multiplier: Double

    package init(multiplier: Double) {
        precondition(multiplier > 0 && multiplier.isFinite, "noise that is there")
        self.multiplier = multiplier
    }

    /// The smallest delta for which the mechanism is (epsilon, delta) differentially private:
    /// Phi(mu/2 - epsilon/mu) - e^epsilon Phi(-mu/2 - epsilon/mu), mu = 1 / multiplier.
    package func delta(epsilon: Double) -> Double {
        let mu = 1 / multiplier
        let (upper, lower) = (mu / 2 - epsilon / mu, mu / 2 + epsilon / mu)
        // (lower^2 - upper^2) / 2 = epsilon: e^epsilon Phi(-lower) = phi(upper) * (Mills' ratio of lower), whatever epsilon's size.
        let density = exp(-upper * upper / 2) / (2 * Double.pi).squareRoot()
        return max(0, erfc(-upper / 2.0.squareRoot()) / 2 - density * Self.millsRatio(lower))
    }

    /// The smallest epsilon for a delta between 0 and 1.
    package func epsilon(delta: Double) -> Double {
        precondition(delta > 0 && delta < 1, "a probability")
        guard self.delta(epsilon: 0) > delta else { return 0 }
        var (low, high) = (0.0, 1.0)
        while self.delta(epsilon: high) > delta { (low, high) = (high, 2 * high) }
        // Fifty-two halvings are all that a double has.
        for _ in 0..<64 {
            let middle = (low + high) / 2
            if self.delta(epsilon: middle) > delta { low = middle } else { high = middle }
        }
        return high
    }

    /// (1 - Phi(x)) / phi(x) for x >= 0: of erfc while that has digits, then Laplace's continued fraction.
    private static func millsRatio(_ x: Double) -> Double {
        guard x > 12 else { return (Double.pi / 2).squareRoot() * erfc(x / 2.0.squareRoot()) * exp(x * x / 2) }
        var fraction = 0.0
        for term in stride(from: 40.0, to: 0, by: -1) { fraction = term / (x + fraction) }
        return 1 / (x + fraction)
    }
}
