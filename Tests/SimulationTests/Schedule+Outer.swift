import Federation

extension Schedule.Plan {
    /// Plans take turns, so that crashes meet the moments of every optimiser.
    var outer: OuterOptimizer.Name {
        OuterOptimizer.Name.allCases[(updates + clouds) % OuterOptimizer.Name.allCases.count]
    }

    /// Half of the plans that average also compress: then what each cloud left out goes on from round to round.
    var compression: String {
        guard pace.isEmpty, outer == .average, values < 40_000,
            (updates + values + (quorum ?? clouds)).isMultiple(of: 2)
        else {
            return ""
        }
        return "compression: {fraction: 0.3, rotation: 0.4, margin: 1, error-feedback: 0.75, refresh: 3}"
    }
}
