/// How many local steps each cloud does so that all arrive together: as many as fit into the time that the round has anyway. On
/// average, weighted, they do as many as were asked for, so that a round is worth as much as one in which all do the same.
package enum StepShares {
    /// - Parameters:
    ///   - clouds: seconds before the first step and after the last, seconds of a step, and the weight of each.
    ///   - mean: the steps that the weighted mean reaches, if the limits let it.
    ///   - limits: of each cloud's steps, from 1.
    /// - Returns: the steps that reach the mean soonest.
    package static func equalised(
        _ clouds: [(fixed: Double, step: Double, weight: Double)], mean: Double, limits: ClosedRange<Int>
    ) -> [Int] {
        let total = clouds.reduce(0) { $0 + $1.weight }
        guard !clouds.isEmpty, total > 0 else { return clouds.map { _ in limits.lowerBound } }
        let slack = mean * 1e-12
        func reached(_ steps: [Int]) -> Bool {
            zip(clouds, steps).reduce(0) { $0 + $1.0.weight * Double($1.1) } / total >= mean - slack
        }
        func steps(by time: Double) -> [Int] {
            clouds.map { cloud in
                guard cloud.step > 0 else { return limits.upperBound }
                let fitting = ((time - cloud.fixed) / cloud.step).rounded(.down)
                return Int(min(max(fitting, Double(limits.lowerBound)), Double(limits.upperBound)))
            }
        }
        func end(_ place: Int, _ steps: Int) -> Double { clouds[place].fixed + clouds[place].step * Double(steps) }
        let most = clouds.indices.map { end($0, limits.upperBound) }.max() ?? 0
        guard !reached(clouds.map { _ in limits.lowerBound }), reached(steps(by: most)) else {
            return steps(by: reached(clouds.map { _ in limits.lowerBound }) ? -.infinity : .infinity)
        }
        // The mean grows with the time in jumps: first to just below the one that reaches it, then jump by jump.
        var (low, high) = (-1.0, most)
        for _ in 0..<80 {
            let middle = (low + high) / 2
            if reached(steps(by: middle)) { high = middle } else { low = middle }
        }
        var chosen = steps(by: low)
        while !reached(chosen) {
            let next = clouds.indices.filter { chosen[$0] < limits.upperBound }
                .min { (end($0, chosen[$0] + 1), $0) < (end($1, chosen[$1] + 1), $1) }
            guard let next else { break }
            chosen[next] += 1
        }
        return chosen
    }
}
