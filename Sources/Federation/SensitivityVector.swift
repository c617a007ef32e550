/// What a cloud contributes to a sensitivity round: for each value of the adapter how much the loss of its records depends on
/// it, in a measure that is the same for all clouds (docs/architecture.md, "Selective encryption").
package enum SensitivityVector {
    /// In steps of 64 / 32767, 0.002 of a cloud's mean; at most a 64th of the values can lie above the range.
    package static let bits = 16
    package static let range = 64.0

    /// The layout of an update with the ranges of sensitivities.
    package static func layout(of update: VectorLayout) throws(FederationError) -> VectorLayout {
        try VectorLayout(update.segments.map { .init(name: $0.name, shape: $0.shape, range: range) })
    }

    /// Sensitivities over their mean, so that no cloud outvotes another by the scale of its gradients; zeros stay zeros.
    package static func scaled(_ sensitivities: [Double]) -> [Double] {
        let mean = sensitivities.reduce(0, +) / Double(max(sensitivities.count, 1))
        guard mean > 0 else { return [Double](repeating: 0, count: sensitivities.count) }
        return sensitivities.map { min($0 / mean, range) }
    }
}
