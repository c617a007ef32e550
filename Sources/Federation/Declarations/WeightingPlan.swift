package import MessagePack

/// Where the weights of an update round come from: the rule, and what it was given. Whoever has the opening can work them out
/// again.
package struct WeightingPlan: Hashable, Sendable {
    package let rule: Weighting
    /// In the order of the cohort; empty under `fedavg`, whose weights are the declared ones.
    package let inputs: [Weighting.Input]

    package static let records = WeightingPlan(rule: Weighting(.fedavg), inputs: [])

    package init(rule: Weighting, inputs: [Weighting.Input]) {
        self.rule = rule
        self.inputs = inputs
    }

    /// Why these weights are not what the rule makes of its inputs; nil if they are.
    ///
    /// - Parameters:
    ///   - declared: the records of a cloud, as the federation knows them.
    ///   - own: this cloud, and the loss that it has told last.
    package func fault(
        in cohort: [Member], declared: (CloudName) -> UInt32, own: (cloud: CloudName, loss: UInt32?)?
    ) -> String? {
        guard rule.mode != .fedavg else {
            return cohort.first { $0.weight != declared($0.cloud) }.map {
                "it gives \($0.cloud) weight \($0.weight), the released statistics \(declared($0.cloud))"
            }
        }
        guard inputs.map(\.cloud) == cohort.map(\.cloud) else { return "its weights are not made of its own cohort" }
        if let input = inputs.first(where: { $0.records != declared($0.cloud) }) {
            return
                "it counts \(input.records) records of \(input.cloud), the released statistics \(declared(input.cloud))"
        }
        if let own, let input = inputs.first(where: { $0.cloud == own.cloud }), input.loss != own.loss {
            return "it has another loss of this cloud than the one that was told"
        }
        // Powers may differ in their last bit from machine to machine, and so may what is rounded.
        for (member, weight) in zip(cohort, rule.weights(inputs)) where abs(Int(member.weight) - Int(weight)) > 1 {
            return "it gives \(member.cloud) weight \(member.weight), where \(rule.mode.rawValue) gives \(weight)"
        }
        return nil
    }
}

extension WeightingPlan {
    package var value: Value {
        .map([
            ("mode", .text(rule.mode.rawValue)), ("alpha", .double(rule.alpha)), ("beta", .double(rule.beta)),
            ("cap", .double(rule.cap)), ("slack", .double(rule.slack)),
            (
                "inputs",
                .list(
                    inputs.map {
                        .map([
                            ("cloud", .text($0.cloud.description)), ("records", .unsigned(UInt64($0.records))),
                            ("loss", .optionalNumber($0.loss)), ("transfer", .optionalNumber($0.transfer)),
                        ])
                    })
            ),
        ])
    }

    package init(_ value: Value) throws {
        var fields = try Fields(value, at: "weighting")
        rule = Weighting(
            try fields.choice("mode"), alpha: try fields.real("alpha", in: Weighting.exponents),
            beta: try fields.real("beta", in: Weighting.exponents), cap: try fields.real("cap", in: Weighting.caps),
            slack: try fields.real("slack", in: Weighting.slacks))
        inputs = try fields.list("inputs", limit: 1024).map { value in
            var fields = try Fields(value, at: "weighting.inputs")
            let input = Weighting.Input(
                cloud: try fields.cloud("cloud"), records: UInt32(try fields.integer("records", in: Weight.range)),
                loss: try fields.optionalCount("loss", in: Weight.range),
                transfer: try fields.optionalCount("transfer", in: Weight.range))
            try fields.finish()
            return input
        }
        try fields.finish()
    }
}
