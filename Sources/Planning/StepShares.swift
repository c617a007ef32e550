/// How many local steps each cloud does so that all arrive together: as many as fit into the time that the round has anyway, and so many
/// that the round is worth one in which all do the same.
///
/// A delta counts per step (FedNova), so the clouds' mean has moved as far as it would have. What differs is its noise: with s^2 that of
/// a step, p_i a cloud's share of the weight and H_i its steps, the mean of delta_i / H_i has the variance s^2 sum p_i^2 / H_i. It is kept
/// at or below that of H steps each. Holding the mean of the steps instead lets a slow cloud do one or two, which count as many
/// times more as it has done fewer: measured, such rounds are quick and learn less.
package enum StepShares {
    /// - Parameters:
    ///   - clouds: seconds before the first step and after the last, seconds of a step, and the weight of each.
    ///   - counted: whose contributions the round waits for; the others get what fits into its time. Nil: all.
    ///   - even: the steps of each of all clouds that the round is to be worth, if the limits let it.
    ///   - limits: of each cloud's steps, from 1.
    /// - Returns: the steps that are worth it soonest.
    package static func equalised(
        _ clouds: [(fixed: Double, step: Double, weight: Double)], counted: Set<Int>? = nil, even: Double,
        limits: ClosedRange<Int>
    ) -> [Int] {
        let counted = clouds.indices.filter { counted?.contains($0) ?? true }
        func noise(of places: some Collection<Int>, _ steps: (Int) -> Double) -> Double {
            let total = places.reduce(0) { $0 + clouds[$1].weight }
            return places.reduce(0) { $0 + clouds[$1].weight * clouds[$1].weight / steps($1) } / (total * total)
        }
        let allowed = noise(of: clouds.indices) { _ in even } * (1 + 1e-12)
        guard !counted.isEmpty, allowed > 0 else { return clouds.map { _ in limits.lowerBound } }
        func reached(_ steps: [Int]) -> Bool { noise(of: counted) { Double(steps[$0]) } <= allowed }
        func steps(by time: Double) -> [Int] {
            clouds.map { cloud in
                guard cloud.step > 0 else { return limits.upperBound }
                let fitting = ((time - cloud.fixed) / cloud.step).rounded(.down)
                return Int(min(max(fitting, Double(limits.lowerBound)), Double(limits.upperBound)))
            }
        }
        func end(_ place: Int, _ steps: Int) -> Double { clouds[place].fixed + clouds[place].step * Double(steps) }
        let most = counted.map { end($0, limits.upperBound) }.max() ?? 0
        guard !reached(clouds.map { _ in limits.lowerBound }), reached(steps(by: most)) else {
            return steps(by: reached(clouds.map { _ in limits.lowerBound }) ? -.infinity : .infinity)
        }
        // The noise falls with the time in jumps: first to just below the one that suffices, then jump by jump.
        var (low, high) = (-1.0, most)
        for _ in 0..<80 {
            let middle = (low + high) / 2
            if reached(steps(by: middle)) { high = middle } else { low = middle }
        }
        var chosen = steps(by: low)
        while !reached(chosen) {
            let next = counted.filter { chosen[$0] < limits.upperBound }
                .min { (end($0, chosen[$0] + 1), $0) < (end($1, chosen[$1] + 1), $1) }
            guard let next else { break }
            chosen[next] += 1
        }
        return chosen
    }
}
