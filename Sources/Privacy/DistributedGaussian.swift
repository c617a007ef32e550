internal import Glibc

/// A sum of whole numbers under the noise of several: each of `shares` adds a discrete Gaussian of its own, and the sum of those is
/// nearly, not exactly, a discrete Gaussian of the sum of their variances.
///
/// Source: Kairouz, Liu and Steinke 2021, "The Distributed Discrete Gaussian Mechanism for Federated Learning with Secure Aggregation"
/// (arXiv 2102.06387), theorem 1 and proposition 14.
package struct DistributedGaussian: Hashable, Sendable {
    /// How many shares are surely in the sum, and unknown to whoever looks.
    package let shares: Int
    /// Of one share: sigma squared, in steps squared.
    package let variance: Double
    /// The L2 norm, in steps, by which a unit moves the sum at most.
    package let sensitivity: Double
    /// Values of the vector.
    package let dimension: Int

    package init(shares: Int, variance: Double, sensitivity: Double, dimension: Int) {
        precondition(shares >= 1 && dimension >= 1, "something to add up")
        precondition(variance >= 0 && variance.isFinite && sensitivity >= 0 && sensitivity.isFinite, "two sizes")
        self.shares = shares
        self.variance = variance
        self.sensitivity = sensitivity
        self.dimension = dimension
    }

    /// How far the sum of the shares is from one discrete Gaussian: 10 sum_(k<n) exp(-2 pi^2 sigma^2 k / (k + 1)).
    package var distance: Double {
        10
            * (1..<max(shares, 1)).reduce(0.0) { sum, k in
                sum + exp(-2 * Double.pi * Double.pi * variance * Double(k) / Double(k + 1))
            }
    }

    /// The theorem wants shares of a deviation of a half at least.
    package static let leastVariance = 0.25

    package var curve: RenyiCurve {
        guard variance >= DistributedGaussian.leastVariance else { return RenyiCurve { _ in .infinity } }
        let ratio = sensitivity / (Double(shares) * variance).squareRoot()
        let (distance, dimension) = (distance, Double(dimension))
        return RenyiCurve { order in
            min(
                order * ratio * ratio / 2 + distance * dimension,
                order / 2 * (ratio + dimension.squareRoot() * distance) * (ratio + dimension.squareRoot() * distance))
                * (1 + 1e-10)
        }
    }

    /// How long a vector of L2 norm `norm`, in steps, can be once each of its values is rounded up or down: no value moves by a whole step.
    ///
    /// The paper draws the rounding again until it is near the expected length; this needs no second draw, and costs little where steps
    /// are fine beside the norm.
    package static func rounded(norm: Double, dimension: Int) -> Double {
        norm + Double(dimension).squareRoot()
    }
}
