package import Federation

/// Which values are encrypted, from the opened sums of the clouds' sensitivities.
package enum SensitivityRanking {
    /// The ceil(fraction * count) places of the largest sums; of equal ones the first. The same for the same sums, everywhere.
    ///
    /// - Parameter fraction: above 0 and below 1.
    package static func mask(of sums: [Double], fraction: Double) throws(FederationError) -> ValueMask {
        let wanted = min(max(Int((fraction * Double(sums.count)).rounded(.up)), 1), sums.count - 1)
        guard wanted > 0 else {
            throw .malformed(place: "mask", "\(sums.count) values cannot be divided")
        }
        let cut = sums.sorted(by: >)[wanted - 1]
        var ties = wanted - sums.reduce(0) { $0 + ($1 > cut ? 1 : 0) }
        let places = sums.indices.filter { place in
            guard sums[place] == cut else { return sums[place] > cut }
            ties -= 1
            return ties >= 0
        }
        return try ValueMask(places: places, of: sums.count)
    }
}
