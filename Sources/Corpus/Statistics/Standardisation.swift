import Glibc

/// How every cloud standardises alike: mean and deviation of each variable over all clouds' training patients, from the
/// sums that the statistics round released.
package struct Standardisation: Sendable, Hashable {
    /// A variable that fewer patients have is treated as absent: its mean would be about few people.
    package static let minimumPatients = 10

    package struct Scale: Sendable, Hashable {
        /// Of the scaled values (`Variable.scaled`).
        package let mean: Double
        package let deviation: Double
    }

    /// Nil for a variable that too few patients have, or whose value never varies.
    package let scales: [Scale?]
    package let variables: VariableTable

    /// `released`: the opened sum, in the order of `StatisticsVector.layout`.
    package init(released: [Double], variables: VariableTable) throws {
        let count = variables.count
        guard released.count == count * StatisticsVector.segments.count else {
            throw IngestError.wrongLength(
                what: "released statistics", found: released.count, expected: count * StatisticsVector.segments.count)
        }
        var scales: [Scale?] = []
        for (index, variable) in variables.variables.enumerated() {
            let (patients, stays) = (released[index], released[count + index])
            let (sum, squares) = (released[2 * count + index], released[3 * count + index])
            guard [patients, stays, sum, squares].allSatisfy(\.isFinite), patients >= 0, stays >= patients else {
                throw IngestError.badSum(variable: variable.name, reason: "the counts contradict each other")
            }
            guard patients >= Double(Standardisation.minimumPatients) else {
                scales.append(nil)
                continue
            }
            let mean = sum / stays
            // The sums are rounded to a grid: a mean may miss [0, 1] by a step, not by more.
            guard (-0.01...1.01).contains(mean) else {
                throw IngestError.badSum(variable: variable.name, reason: "the mean lies outside the plausible range")
            }
            let variance = squares / stays - mean * mean
            scales.append(variance > 1e-8 ? Scale(mean: mean, deviation: sqrt(variance)) : nil)
        }
        self.scales = scales
        self.variables = variables
    }

    package func isPresent(_ variable: Int) -> Bool { scales[variable] != nil }

    /// How many deviations from the mean; nil for an absent variable or no value.
    package func z(_ value: Double, of variable: Int) -> Double? {
        guard !value.isNaN, let scale = scales[variable] else { return nil }
        return (variables.variables[variable].scaled(value) - scale.mean) / scale.deviation
    }

    /// The z-scores of a stay; nil where there is none. Nothing is imputed.
    package func zScores(_ stay: Stay) -> [Double?] { stay.values.enumerated().map { z($1, of: $0) } }
}
