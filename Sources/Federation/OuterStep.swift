/// The server's side of a round: how the weighted mean of the cohort's deltas moves the adapter, and the moments that go on to the
/// next round. Element by element, so that an adapter can be stepped block by block.
package struct OuterStep: Sendable {
    package let optimizer: OuterOptimizer
    private let totalWeight: Double

    /// - Parameter totalWeight: of the cohort, as its clouds folded their weights into their deltas.
    package init(_ optimizer: OuterOptimizer, totalWeight: Double) throws(FederationError) {
        guard totalWeight.isFinite, totalWeight > 0 else {
            throw .outerStep("the cohort's total weight is \(totalWeight); expected a positive number")
        }
        guard OuterOptimizer.rates.contains(optimizer.rate) else {
            throw .outerStep("the outer learning rate is \(optimizer.rate); expected more than 0 and at most 10")
        }
        self.optimizer = optimizer
        self.totalWeight = totalWeight
    }

    /// The adapter's next values, and its next moments in the order of `OuterOptimizer.initialMoments`. Computed in Double and
    /// rounded once, in the order of the values, so the same sums give the same bits.
    ///
    /// - Parameter weightedSum: of weight times delta, over the cohort.
    package func apply(
        to previous: [Float], moments: [[Float]] = [], weightedSum: [Double]
    ) throws(FederationError) -> (values: [Float], moments: [[Float]]) {
        guard weightedSum.count == previous.count else {
            throw .outerStep("expected \(previous.count) sums, found \(weightedSum.count)")
        }
        guard moments.map(\.count) == optimizer.initialMoments.map({ _ in previous.count }) else {
            throw .outerStep(
                "\(optimizer.name.rawValue) keeps \(optimizer.initialMoments.count) moments of \(previous.count) values, found \(moments.map(\.count))"
            )
        }
        switch optimizer {
        case .average(let rate):
            // The buffer's bounds are not looked at value by value: this is done for each of a round, at every cloud.
            let values = weightedSum.withUnsafeBufferPointer { sums in
                moved(previous) { index in rate * (sums[index] / totalWeight) }
            }
            return (try finite(values, "value"), [])
        case .nesterov(let rate, let momentum):
            var next = moments[0]
            let values = moved(previous) { index in
                let mean = weightedSum[index] / totalWeight
                let buffer = momentum * Double(next[index]) + mean
                next[index] = Float(buffer)
                return rate * (mean + momentum * buffer)
            }
            return (try finite(values, "value"), [try finite(next, "the moment of value")])
        case .adam(let rate, let momentum, let secondMomentum, let epsilon):
            var (first, second) = (moments[0], moments[1])
            let values = moved(previous) { index in
                let mean = weightedSum[index] / totalWeight
                let average = momentum * Double(first[index]) + (1 - momentum) * mean
                let square = secondMomentum * Double(second[index]) + (1 - secondMomentum) * mean * mean
                first[index] = Float(average)
                second[index] = Float(square)
                return rate * average / (square.squareRoot() + epsilon)
            }
            return (
                try finite(values, "value"),
                [try finite(first, "the moment of value"), try finite(second, "the moment of value")]
            )
        }
    }

    private func moved(_ previous: [Float], by step: (Int) -> Double) -> [Float] {
        previous.withUnsafeBufferPointer { previous in
            [Float](unsafeUninitializedCapacity: previous.count) { next, filled in
                for index in 0..<previous.count { next[index] = Float(Double(previous[index]) + step(index)) }
                filled = previous.count
            }
        }
    }

    private func finite(_ values: [Float], _ what: String) throws(FederationError) -> [Float] {
        guard let index = values.firstIndex(where: { !$0.isFinite }) else { return values }
        throw .outerStep("\(what) \(index) would not be finite")
    }
}
