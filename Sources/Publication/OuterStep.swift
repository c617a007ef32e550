/// The server's side of a round: w(t) = w(t-1) + rate * (sum over the cohort of weight * delta) / (total weight).
///
/// With rate 1 this is federated averaging (McMahan et al. 2017); another rate is the outer learning rate of FedOpt with
/// plain SGD (Reddi et al. 2021).
package enum OuterStep {
    /// Computed in Double and rounded once, in the order of the values, so the same sums give the same bits.
    package static func apply(
        to previous: [Float], weightedSum: [Double], totalWeight: Double, rate: Double
    ) throws(PublicationError) -> [Float] {
        guard weightedSum.count == previous.count else {
            throw .outerStep("expected \(previous.count) sums, found \(weightedSum.count)")
        }
        guard totalWeight.isFinite, totalWeight > 0 else {
            throw .outerStep("the cohort's total weight is \(totalWeight); expected a positive number")
        }
        guard rate.isFinite, rate > 0, rate <= 10 else {
            throw .outerStep("the outer learning rate is \(rate); expected more than 0 and at most 10")
        }
        var next: [Float] = []
        next.reserveCapacity(previous.count)
        for (value, sum) in zip(previous, weightedSum) {
            let moved = Float(Double(value) + rate * (sum / totalWeight))
            guard moved.isFinite else { throw .outerStep("value \(next.count) would not be finite") }
            next.append(moved)
        }
        return next
    }
}
