package import Federation
import Sodium

/// What a cloud adds to the `statistics` round: for each variable the number of patients and of stays that have it, and
/// the sum and the sum of squares of its scaled values (`Variable.scaled`, in [0, 1]), over the training split alone.
///
/// A patient lies in one cloud only, so the sums of patients over clouds count each once.
package enum StatisticsVector {
    /// At most this many training stays of one cloud: what bounds the sums, and with them the grid.
    package static let maximumStays = 1 << 20
    /// The names of the segments, in their order.
    package static let segments = ["patients", "stays", "sum", "squares"]

    /// Four segments of one value for each variable. Counts get the grid of whole numbers, so `bits` must leave room for
    /// `maximumStays`: at least 22. The step of the sums is `maximumStays / (2^(bits-1) - 1)`, 5e-4 of one stay's whole
    /// range at 32 bits.
    package static func layout(of variables: VariableTable, bits: Int) throws -> VectorLayout {
        guard (22...52).contains(bits) else {
            throw IngestError.wrongLength(what: "bits of the statistics round", found: bits, expected: 22)
        }
        let whole = Double((1 << (bits - 1)) - 1)
        let bound = Double(maximumStays)
        return try VectorLayout(
            segments.enumerated().map { index, name in
                VectorLayout.Segment(
                    name: "statistics.\(name).\(variables.digest.short)", shape: [variables.count],
                    range: index < 2 ? whole : bound)
            })
    }

    /// What may be released of opened sums: nothing of a variable that fewer than `Standardisation.minimumPatients` have,
    /// whose sums would be about few people; its places are 0.
    package static func withheld(_ sums: [Double], variables: VariableTable) -> [Double] {
        guard sums.count == variables.count * segments.count else { return sums }
        var released = sums
        for index in 0..<variables.count where sums[index] < Double(Standardisation.minimumPatients) {
            for segment in segments.indices { released[segment * variables.count + index] = 0 }
        }
        return released
    }

    package static func values(of stays: [Stay], variables: VariableTable) -> [Double] {
        let count = variables.count
        var vector = [Double](repeating: 0, count: count * segments.count)
        for (index, variable) in variables.variables.enumerated() {
            var patients: Set<String> = []
            for stay in stays {
                let value = stay.values[index]
                guard !value.isNaN else { continue }
                let scaled = variable.scaled(value)
                patients.insert(stay.patient)
                vector[count + index] += 1
                vector[2 * count + index] += scaled
                vector[3 * count + index] += scaled * scaled
            }
            vector[index] = Double(patients.count)
        }
        return vector
    }
}
