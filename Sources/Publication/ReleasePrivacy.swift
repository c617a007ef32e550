package import Federation
import JSONText
package import Privacy

extension ReleaseManifest {
    /// What the run's updates tell of a unit of training data, and of a cloud, so far.
    package struct DifferentialPrivacy: Equatable, Sendable {
        package struct Training: Equatable, Sendable {
            package let unit: PrivacyPlan.Unit
            /// Of everything that updates have told; nil where some had no noise, or less than the unit wants.
            package let epsilon: Double?
            package let clip: Double
            package let noise: Double
            package let rate: Double
            /// Of each cloud, over the run.
            package let steps: Int
            package let budget: Double?
        }

        package struct Sums: Equatable, Sendable {
            package let epsilon: Double?
            package let noise: Double
            package let honest: Int
            /// Over the run.
            package let updates: Int
            package let budget: Double?
        }

        package let delta: Double
        package let training: Training?
        package let sums: Sums?
        /// Why updates ended early; nil where they did not.
        package let stopped: String?
        /// What of all that was released no noise covers.
        package let outside: [String]

        package init(
            _ plan: PrivacyPlan, ledger: PrivacyLedger, budget: Double? = nil, sumBudget: Double? = nil,
            stopped: String? = nil, outside: [String]
        ) {
            func finite(_ epsilon: Double) -> Double? { epsilon.isFinite ? epsilon : nil }
            delta = plan.delta
            training = plan.training.map {
                Training(
                    unit: $0.unit, epsilon: finite(ledger.epsilon(of: $0.unit, delta: plan.delta)), clip: $0.clip,
                    noise: $0.noise, rate: $0.rate, steps: ledger.steps.reduce(0) { $0 + $1.count }, budget: budget)
            }
            sums = plan.sum.map {
                Sums(
                    epsilon: finite(ledger.epsilonOfCloud(delta: plan.delta)), noise: $0.noise, honest: $0.honest,
                    updates: ledger.sums.reduce(0) { $0 + $1.count }, budget: sumBudget)
            }
            self.stopped = stopped
            self.outside = outside
        }
    }
}

extension ReleaseManifest.DifferentialPrivacy {
    var json: JSON {
        var members: [String: JSON] = [
            "delta": .number(delta), "outside": .array(outside.map(JSON.string)),
            "stopped": stopped.map(JSON.string) ?? .null,
        ]
        if let training {
            members["training"] = .object([
                "unit": .string(training.unit.rawValue), "epsilon": training.epsilon.map(JSON.number) ?? .null,
                "clip": .number(training.clip), "noise": .number(training.noise), "sampling": .number(training.rate),
                "steps": .integer(training.steps), "budget": training.budget.map(JSON.number) ?? .null,
            ])
        }
        if let sums {
            members["sums"] = .object([
                "unit": .string("cloud"), "epsilon": sums.epsilon.map(JSON.number) ?? .null,
                "noise": .number(sums.noise), "honest": .integer(sums.honest), "updates": .integer(sums.updates),
                "budget": sums.budget.map(JSON.number) ?? .null,
            ])
        }
        return .object(members)
    }

    init(_ field: JSONField) throws(JSONError) {
        try field.allow(only: ["delta", "outside", "stopped", "training", "sums"])
        let figures = 0...1e300
        delta = try field.member("delta").number(in: 0...1)
        stopped = try field.optional("stopped")?.line()
        var outside: [String] = []
        for entry in try field.member("outside").elements(atMost: 64) { outside.append(try entry.line()) }
        self.outside = outside
        if let given = try field.optional("training") {
            try given.allow(only: ["unit", "epsilon", "clip", "noise", "sampling", "steps", "budget"])
            let named = try given.member("unit")
            guard let unit = PrivacyPlan.Unit(rawValue: try named.string()) else {
                throw named.refused("\"\(try named.string())\" is no unit of privacy")
            }
            training = Training(
                unit: unit, epsilon: try given.optional("epsilon")?.number(in: figures),
                clip: try given.member("clip").number(in: figures),
                noise: try given.member("noise").number(in: figures),
                rate: try given.member("sampling").number(in: 0...1),
                steps: try given.member("steps").integer(in: 0...Int.max),
                budget: try given.optional("budget")?.number(in: figures))
        } else {
            training = nil
        }
        if let given = try field.optional("sums") {
            try given.allow(only: ["unit", "epsilon", "noise", "honest", "updates", "budget"])
            let named = try given.member("unit")
            guard try named.string() == "cloud" else { throw named.refused("a sum's unit is `cloud`") }
            sums = Sums(
                epsilon: try given.optional("epsilon")?.number(in: figures),
                noise: try given.member("noise").number(in: figures),
                honest: try given.member("honest").integer(in: 1...4096),
                updates: try given.member("updates").integer(in: 0...Int.max),
                budget: try given.optional("budget")?.number(in: figures))
        } else {
            sums = nil
        }
    }

    /// In words, for people.
    var summary: String {
        func worth(_ epsilon: Double?) -> String {
            epsilon.map { "(\(Figure.significant($0)), \(delta))-differentially private" }
                ?? "**not differentially private: some updates of the run had no such noise**"
        }
        var lines: [String] = []
        if let training {
            lines.append(
                "For a \(training.unit) of the training data all updates together are \(worth(training.epsilon)): \(training.steps) steps of DP-SGD at each cloud, each unit taking part with probability \(Figure.significant(training.rate)), its gradient clipped to \(Figure.short(training.clip)), noise \(Figure.short(training.noise)) times that."
            )
        }
        if let sums {
            lines.append(
                "For a whole cloud all sums together are \(worth(sums.epsilon)): each cloud added discrete Gaussian noise inside the encryption, \(Figure.short(sums.noise)) times the longest update from any \(sums.honest) of them."
            )
        }
        if let stopped { lines.append("Updates ended early: \(ModelCard.escaped(stopped)).") }
        lines += ["", "No noise covers:", ""] + outside.map { "- \(ModelCard.escaped($0))" }
        return lines.joined(separator: "\n")
    }
}
