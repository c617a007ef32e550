/// What training changed in an adapter's trained values, in the order of the layout.
package struct AdapterDelta: Hashable, Sendable {
    package let values: [Float]

    package init(values: [Float]) { self.values = values }

    /// The Euclidean norm.
    package var norm: Double { values.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot() }

    /// The same direction, no longer than `limit`.
    package func clipped(to limit: Double) -> AdapterDelta {
        let norm = norm
        guard norm > limit else { return self }
        let factor = limit / norm
        return AdapterDelta(values: values.map { Float(Double($0) * factor) })
    }
}
