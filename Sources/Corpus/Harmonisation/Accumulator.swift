/// Several readings of one variable becoming one value.
struct Accumulator {
    /// NaN until the first reading.
    private(set) var value = Double.nan
    /// The time of the value (first, last), or the number of readings (mean).
    private var weight = 0.0

    mutating func add(_ reading: Double, at time: Int, aggregate: Mapping.Aggregate, variable: Variable) {
        guard !value.isNaN else {
            value = reading
            weight = aggregate == .mean ? 1 : Double(time)
            return
        }
        switch aggregate {
        case .worst:
            let (old, new) = (variable.distanceFromNormal(value), variable.distanceFromNormal(reading))
            // Equally far on either side: the larger, so that the order of rows does not matter.
            if new > old || (new == old && reading > value) { value = reading }
        case .first:
            if Double(time) < weight || (Double(time) == weight && reading > value) { take(reading, time) }
        case .last:
            if Double(time) > weight || (Double(time) == weight && reading > value) { take(reading, time) }
        case .mean:
            weight += 1
            value += (reading - value) / weight
        case .minimum: value = min(value, reading)
        case .maximum: value = max(value, reading)
        case .sum: value += reading
        case .presence: value = 1
        }
    }

    private mutating func take(_ reading: Double, _ time: Int) {
        value = reading
        weight = Double(time)
    }
}
