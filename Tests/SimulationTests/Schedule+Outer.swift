import Federation

extension Schedule.Plan {
    /// Plans take turns, so that crashes meet the moments of every optimiser.
    var outer: OuterOptimizer.Name {
        OuterOptimizer.Name.allCases[(updates + clouds) % OuterOptimizer.Name.allCases.count]
    }
}
