package import MessagePack

/// How many local steps each cloud does in an update round.
package enum Pacing: Hashable, Sendable {
    /// A cloud's own number of steps.
    package struct Pace: Hashable, Sendable {
        package let cloud: CloudName
        package let steps: Int

        package init(cloud: CloudName, steps: Int) {
            self.cloud = cloud
            self.steps = steps
        }
    }

    package enum Mode: String, Hashable, Sendable, CaseIterable {
        case even, balanced
    }

    /// All the same.
    case even
    /// Each its own, in the order of the cohort, so that they arrive together. A delta counts per step then, or whoever does
    /// more steps would weigh more than its weight (FedNova, Wang et al. 2020, arXiv 2007.07481).
    case balanced([Pace])

    package var mode: Mode {
        switch self {
        case .even: .even
        case .balanced: .balanced
        }
    }

    package var paces: [Pace] { if case .balanced(let paces) = self { paces } else { [] } }

    package static let steps = 1...1_000_000
    /// The most steps of a cohort over the least, unless a planner is told to go further and every cloud allows it.
    package static let ratio = 16
}

extension TrainingPlan {
    /// What a cloud is asked for.
    package func steps(of cloud: CloudName) -> Int { pacing.paces.first { $0.cloud == cloud }?.steps ?? steps }
}

extension Opening {
    /// What a cloud's delta counts for, besides what all have in common: its weight, and under `balanced` pacing its weight for each of
    /// its steps.
    private func worth(of member: Member) -> Double {
        guard let training, training.pacing.mode == .balanced else { return Double(member.weight) }
        return Double(member.weight) / Double(training.steps(of: member.cloud))
    }

    /// The factor that a cloud folds into its update before quantising: its worth over the largest of the cohort, so that folded values
    /// stay within the layout's ranges.
    package func foldedWeight(of cloud: CloudName) -> Double {
        // Equation 4 to the letter weighs nobody: its denominator is the number of clouds.
        guard purpose == .update, encryption?.formula != .literal, let member = member(cloud) else { return 1 }
        return worth(of: member) / (cohort.map(worth).max() ?? 1)
    }

    /// What the sum of so folded deltas of some clouds is divided by to be their mean.
    ///
    /// Evenly paced it is the sum of their factors. Balanced, with p_i a cloud's share of those clouds' weight and H_i its steps, FedNova's mean is
    ///
    ///     H * sum_i p_i delta_i / H_i
    ///
    /// as long as plain averaging's would be had each done the plan's H steps (equation 8 there leaves the effective number open).
    package func foldedTotal(of clouds: [CloudName]) -> Double {
        let members = clouds.compactMap(member)
        guard let training, training.pacing.mode == .balanced, let largest = cohort.map(worth).max() else {
            return clouds.reduce(0) { $0 + foldedWeight(of: $1) }
        }
        let weight = members.reduce(0) { $0 + Double($1.weight) }
        return weight / (Double(training.steps) * largest)
    }
}

extension Pacing {
    package var value: Value {
        guard case .balanced(let paces) = self else { return .none }
        return .list(paces.map { .map([("cloud", .text($0.cloud.description)), ("steps", .number($0.steps))]) })
    }

    /// - Parameter value: nil for even pacing.
    package init(_ value: Value?) throws {
        guard let value else {
            self = .even
            return
        }
        guard case .list(let rows) = value, rows.count <= 1024 else {
            throw FederationError.malformed(place: "training.pacing", "expected a list of clouds and steps")
        }
        self = .balanced(
            try rows.map { row in
                var fields = try Fields(row, at: "training.pacing")
                let pace = Pace(
                    cloud: try fields.cloud("cloud"), steps: try fields.integer("steps", in: Pacing.steps))
                try fields.finish()
                return pace
            })
    }
}
