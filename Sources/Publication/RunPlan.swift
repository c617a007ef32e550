package import Federation

/// The rounds of a run, in order: statistics first, sensitivities where not all is encrypted, then updates with evaluations between them, at last the test. A value:
/// which step comes next depends only on how many have been released.
package struct RunPlan: Equatable, Sendable {
    package enum Step: Equatable, Sendable {
        case statistics
        case sensitivity
        /// `index` counts updates from 1.
        case update(index: Int)
        case evaluation(EvaluationSplit)

        package var purpose: Purpose {
            switch self {
            case .statistics: .statistics
            case .sensitivity: .sensitivity
            case .update: .update
            case .evaluation: .evaluation
            }
        }
    }

    package let steps: [Step]

    /// - Parameters:
    ///   - sensitivity: whether a round finds out which values are to be encrypted, before the first update.
    ///   - updates: how many update rounds.
    ///   - validateEvery: an evaluation on the validation split before the first update and after each such number of
    ///     updates; 0 for none.
    ///   - test: whether the run ends with an evaluation on the test split.
    package init(statistics: Bool, sensitivity: Bool = false, updates: Int, validateEvery: Int, test: Bool) {
        var steps: [Step] = statistics ? [.statistics] : []
        if validateEvery > 0, updates > 0 { steps.append(.evaluation(.validation)) }
        if sensitivity, updates > 0 { steps.append(.sensitivity) }
        for index in 1...max(updates, 1) where index <= updates {
            steps.append(.update(index: index))
            if validateEvery > 0, index % validateEvery == 0 { steps.append(.evaluation(.validation)) }
        }
        if test { steps.append(.evaluation(.test)) }
        self.steps = steps
    }

    /// The step after `released` of them are done; nil at the end.
    package func step(after released: Int) -> Step? { released < steps.count ? steps[released] : nil }

    /// The same run without the update `index` and all that follow: its test comes next.
    package func ending(before index: Int) -> RunPlan {
        guard let first = steps.firstIndex(of: .update(index: index)) else { return self }
        return RunPlan(steps: steps[..<first] + steps.filter { $0 == .evaluation(.test) })
    }

    private init(steps: [Step]) { self.steps = steps }

    package func isLast(_ released: Int) -> Bool { released == steps.count - 1 }
}
