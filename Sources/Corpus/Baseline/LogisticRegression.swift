import Glibc

/// Logistic regression with a ridge penalty, by iteratively reweighted least squares (McCullagh and Nelder, Generalized
/// Linear Models, 1989, section 4.4). A baseline that reads all clouds' data: no part of the federation.
package struct LogisticRegression: Sendable {
    /// The first is the intercept, which is not penalised.
    package let weights: [Double]

    /// `features`: one row for each stay. `ridge`: the penalty ridge/2 · |w|².
    package init(features: [[Double]], died: [Bool], ridge: Double = 1) throws {
        guard let width = features.first.map({ $0.count + 1 }), features.count == died.count else {
            throw IngestError.wrongLength(what: "outcomes", found: died.count, expected: features.count)
        }
        var weights = [Double](repeating: 0, count: width)
        for _ in 0..<50 {
            var gradient = [Double](repeating: 0, count: width)
            var hessian = [Double](repeating: 0, count: width * width)
            for (row, died) in zip(features, died) {
                let x = [1] + row
                let p = LogisticRegression.probability(x, weights)
                let residual = (died ? 1 : 0) - p
                let curvature = max(p * (1 - p), 1e-9)
                for i in 0..<width where x[i] != 0 {
                    gradient[i] += residual * x[i]
                    for j in 0...i { hessian[i * width + j] += curvature * x[i] * x[j] }
                }
            }
            for i in 1..<max(width, 1) {
                gradient[i] -= ridge * weights[i]
                hessian[i * width + i] += ridge
            }
            hessian[0] += 1e-9
            let step = LogisticRegression.solve(hessian, gradient, width)
            for i in 0..<width { weights[i] += step[i] }
            if step.allSatisfy({ abs($0) < 1e-8 }) { break }
        }
        self.weights = weights
    }

    /// The log odds.
    package func score(_ features: [Double]) -> Double {
        zip(weights.dropFirst(), features).reduce(weights[0]) { $0 + $1.0 * $1.1 }
    }

    private static func probability(_ x: [Double], _ weights: [Double]) -> Double {
        1 / (1 + exp(-zip(weights, x).reduce(0) { $0 + $1.0 * $1.1 }))
    }

    /// Solves A x = b for a symmetric positive definite A, of which the lower triangle is given (Cholesky).
    private static func solve(_ a: [Double], _ b: [Double], _ n: Int) -> [Double] {
        var l = a
        for i in 0..<n {
            for j in 0...i {
                var sum = l[i * n + j]
                for k in 0..<j { sum -= l[i * n + k] * l[j * n + k] }
                l[i * n + j] = i == j ? sqrt(max(sum, 1e-12)) : sum / l[j * n + j]
            }
        }
        var y = b
        for i in 0..<n {
            for k in 0..<i { y[i] -= l[i * n + k] * y[k] }
            y[i] /= l[i * n + i]
        }
        for i in stride(from: n - 1, through: 0, by: -1) {
            for k in (i + 1)..<max(n, i + 1) { y[i] -= l[k * n + i] * y[k] }
            y[i] /= l[i * n + i]
        }
        return y
    }
}

/// What the regression sees of a stay: each variable's z-score (0, the mean, where missing) and whether it is missing.
package enum BaselineFeatures {
    /// z-scores are cut at four deviations, so that one wild value does not rule a coefficient.
    package static func of(_ stay: Stay, standardisation: Standardisation) -> [Double] {
        standardisation.zScores(stay).flatMap { z -> [Double] in
            guard let z else { return [0, 1] }
            return [min(max(z, -4), 4), 0]
        }
    }
}
