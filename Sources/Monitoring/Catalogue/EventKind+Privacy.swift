package import Federation

/// What publish and encrypt tell of what noise is worth, and has been spent.
extension EventKind {
    package static let privacySpent = EventKind(
        "privacy_spent", .info,
        "An update has been opened, or answered: what all so far tell of a unit and of a cloud at most, and the budget.",
        [.unit, .epsilon, .cloudEpsilon, .delta, .budget],
        meters: [.sets(.privacyEpsilon, .epsilon), .sets(.privacyCloudEpsilon, .cloudEpsilon)], isAudited: true)
    package static let privacyBudgetSpent = EventKind(
        "privacy_budget_spent", .warning, "No more updates: a budget is used up.", [.reason], isAudited: true)

    static let ofPrivacy: [EventKind] = [.privacySpent, .privacyBudgetSpent]
}

extension EventField {
    package static let unit = EventField(
        "unit", .text, "whom the noise of the clouds' steps protects: patient or record; absent without such noise")
    package static let epsilon = EventField(
        "epsilon", .real, "what all updates tell of such a unit at most, for delta; absent where nothing is promised")
    package static let cloudEpsilon = EventField(
        "cloud_epsilon", .real, "what all sums tell of a cloud at most, for delta; absent where nothing is promised")
    package static let delta = EventField("delta", .real, "the probability that epsilon leaves out")
    package static let budget = EventField("budget", .real, "the most that epsilon may be; absent without one")
}

extension Meter {
    package static let privacyEpsilon = Meter(
        "tributary_privacy_epsilon", .gauge, "What updates have told of a unit of training data at most, in epsilon.")
    package static let privacyCloudEpsilon = Meter(
        "tributary_privacy_cloud_epsilon", .gauge, "What sums have told of a cloud at most, in epsilon.")
}

extension EventFields {
    /// Of `privacy_spent`; what is infinite or nil stays out.
    package static func privacy(
        unit: PrivacyPlan.Unit?, epsilon: Double?, cloudEpsilon: Double?, delta: Double, budget: Double?
    ) -> EventFields {
        var fields: EventFields = [.delta: .real(delta)]
        if let unit { fields[.unit] = .text(unit.rawValue) }
        if let epsilon, epsilon.isFinite { fields[.epsilon] = .real(epsilon) }
        if let cloudEpsilon, cloudEpsilon.isFinite { fields[.cloudEpsilon] = .real(cloudEpsilon) }
        if let budget { fields[.budget] = .real(budget) }
        return fields
    }
}
