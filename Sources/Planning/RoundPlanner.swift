internal import Federation

/// What a config lets the planner choose.
package struct PlanLimits: Hashable, Sendable {
    /// A round is worth one in which every cloud does so many.
    package let evenSteps: Int
    package let steps: ClosedRange<Int>
    package let bits: ClosedRange<Int>
    /// Clouds that a round may close with.
    package let leastQuorum: Int
    /// Seconds from the opening to the close.
    package let deadline: ClosedRange<Double>

    package init(
        evenSteps: Int, steps: ClosedRange<Int>, bits: ClosedRange<Int>, leastQuorum: Int,
        deadline: ClosedRange<Double>
    ) {
        self.evenSteps = evenSteps
        self.steps = steps
        self.bits = bits
        self.leastQuorum = leastQuorum
        self.deadline = deadline
    }
}

/// What the planner chose, and what it expects of it.
package struct RoundChoice: Hashable, Sendable {
    /// In the order of the figures.
    package let steps: [Int]
    package let bits: Int
    package let quorum: Int
    /// Seconds.
    package let deadline: Double
    package let prediction: RoundPrediction
    /// Where every cloud does the same steps, with the most bits and for the whole cohort.
    package let unplanned: RoundPrediction
    /// In words, a choice each.
    package let reasons: [String]
}

/// Chooses what a round asks so that it is over soonest, within a config's limits. What a round is worth stays what it was: it moves
/// as far, with no more noise (`StepShares`). Bits and clouds are given up for time alone, and not for a little of it.
package struct RoundPlanner: Sendable {
    /// A round within this part of the quickest is as good as that.
    package static let tolerance = 0.05
    /// A deadline that cuts anybody off is so many times what the others are expected to take.
    package static let slack = 1.5

    package let limits: PlanLimits

    package init(_ limits: PlanLimits) { self.limits = limits }

    /// Nil where there is nothing to choose among: no cloud, or no number of bits that the figures have bytes for.
    package func choose(_ figures: RoundFigures) -> RoundChoice? {
        let count = figures.clouds.count
        let bits = limits.bits.filter { figures.contributionBytes[$0] != nil }
        guard count > 0, let most = bits.last else { return nil }
        func plan(_ bits: Int, _ quorum: Int) -> RoundPrediction {
            RoundPrediction(figures, steps: steps(figures, bits, quorum), bits: bits, quorum: quorum)
        }
        func isAsGood(_ prediction: RoundPrediction, as best: Double) -> Bool {
            prediction.seconds <= best * (1 + Self.tolerance)
        }
        let quorums = min(limits.leastQuorum, count)...count
        let byBits = bits.map { plan($0, count) }
        let quickest = byBits.map(\.seconds).min() ?? 0
        let chosenBits = bits.indices.last { isAsGood(byBits[$0], as: quickest) }.map { bits[$0] } ?? most
        let byQuorum = quorums.map { plan(chosenBits, $0) }
        let soonest = byQuorum.map(\.seconds).min() ?? 0
        let prediction = byQuorum.last { isAsGood($0, as: soonest) } ?? plan(chosenBits, count)
        let deadline =
            prediction.quorum < count
            ? min(max(prediction.gathering * Self.slack, limits.deadline.lowerBound), limits.deadline.upperBound)
            : limits.deadline.upperBound
        let unplanned = RoundPrediction(
            figures, steps: figures.clouds.map { _ in limits.evenSteps }, bits: most, quorum: count)
        return RoundChoice(
            steps: prediction.arrivals.map(\.steps), bits: chosenBits, quorum: prediction.quorum, deadline: deadline,
            prediction: prediction, unplanned: unplanned,
            reasons: reasons(
                prediction, unplanned, bits: chosenBits, most: most, whole: plan(chosenBits, count),
                dearest: byBits.last))
    }

    /// With a quorum below all, those that are soonest with the same steps each are to be worth what all of them would be.
    private func steps(_ figures: RoundFigures, _ bits: Int, _ quorum: Int) -> [Int] {
        let none = RoundPrediction(figures, steps: figures.clouds.map { _ in 0 }, bits: bits, quorum: 1)
        let even = Double(limits.evenSteps)
        let clouds = zip(figures.clouds, none.arrivals).map { cloud, none in
            (fixed: none.seconds, step: cloud.secondsPerStep, weight: cloud.weight)
        }
        let soonest = clouds.indices.sorted {
            (clouds[$0].fixed + clouds[$0].step * even, $0) < (clouds[$1].fixed + clouds[$1].step * even, $1)
        }
        return StepShares.equalised(clouds, counted: Set(soonest.prefix(quorum)), even: even, limits: limits.steps)
    }

    private func reasons(
        _ chosen: RoundPrediction, _ unplanned: RoundPrediction, bits: Int, most: Int, whole: RoundPrediction,
        dearest: RoundPrediction?
    ) -> [String] {
        var reasons: [String] = []
        if Set(chosen.arrivals.map(\.steps)).count > 1,
            let last = unplanned.arrivals.max(by: { $0.seconds < $1.seconds })
        {
            reasons.append(
                "steps: with \(limits.evenSteps) each, \(last.cloud) would be the last after \(Self.text(last.seconds)); so shared out, the contributions are there after \(Self.text(chosen.gathering))"
            )
        } else {
            reasons.append("steps: the clouds arrive together with the same number, or the limits leave no other")
        }
        if bits < most, let dearest {
            reasons.append(
                "bits: \(bits) instead of \(most), which would take \(Self.text(dearest.seconds)) in all where this takes \(Self.text(whole.seconds))"
            )
        } else if limits.bits.count == 1 {
            reasons.append("bits: \(most), as the limits allow no other number")
        } else {
            reasons.append("bits: \(most), as fewer would save less than a twentieth of the time")
        }
        if chosen.quorum < chosen.arrivals.count {
            let late = chosen.arrivals.filter { $0.seconds > chosen.gathering }.map { "\($0.cloud)" }
            reasons.append(
                "quorum: \(chosen.quorum) of \(chosen.arrivals.count), as \(late.joined(separator: ", ")) would come only after \(Self.text(whole.gathering))"
            )
        } else if limits.leastQuorum >= chosen.arrivals.count {
            reasons.append("quorum: the whole cohort, as the limits allow no fewer")
        } else {
            reasons.append("quorum: the whole cohort, as fewer would save less than a twentieth of the time")
        }
        return reasons
    }

    private static func text(_ seconds: Double) -> String {
        let tenths = Int((min(max(seconds, 0), 1e9) * 10).rounded())
        return "\(tenths / 10).\(tenths % 10) s"
    }
}
