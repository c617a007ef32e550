package import MessagePack

/// Under which noise an update is made and summed (docs/privacy.md): at the clouds' own steps, in the sum, or both.
package struct PrivacyPlan: Hashable, Sendable {
    /// Whom a cloud's own steps protect.
    package enum Unit: String, Hashable, Sendable, CaseIterable, CustomStringConvertible {
        /// All records of a patient together.
        case patient
        /// One record: who has several is protected for each by itself alone.
        case record

        package var description: String { rawValue }
    }

    /// DP-SGD (Abadi et al. 2016, arXiv 1607.00133) in every cloud's own steps.
    package struct Steps: Hashable, Sendable {
        package let unit: Unit
        /// The L2 norm of one unit's gradient at most.
        package let clip: Double
        /// The deviation of the noise on a step's sum of gradients, in clips.
        package let noise: Double
        /// The probability with which a unit takes part in a step.
        package let rate: Double

        package init(unit: Unit, clip: Double, noise: Double, rate: Double) {
            self.unit = unit
            self.clip = clip
            self.noise = noise
            self.rate = rate
        }
    }

    /// Discrete Gaussians that each cloud adds to its quantised update before it seals it.
    package struct SumNoise: Hashable, Sendable {
        /// The deviation of `honest` shares together, in the length of the longest update that can be sent.
        package let noise: Double
        /// How many shares are surely in each sum and known to nobody who might look: the smallest cohort less those that may
        /// put their heads together.
        package let honest: Int
        /// Steps of the quantiser on either side of zero over a tensor's range; what is left of the slots' values has room for the tails.
        package let steps: Int
        /// Of one share, in steps squared.
        package let variance: UInt64

        package init(noise: Double, honest: Int, steps: Int, variance: UInt64) {
            self.noise = noise
            self.honest = honest
            self.steps = steps
            self.variance = variance
        }
    }

    package let training: Steps?
    package let sum: SumNoise?
    /// For which publish says epsilon.
    package let delta: Double

    package static let clips = 1e-9...1e9
    package static let noises = 1e-3...1e6
    package static let rates = 1e-9...1.0
    package static let deltas = 1e-300...0.5

    package init(training: Steps?, sum: SumNoise?, delta: Double) {
        self.training = training
        self.sum = sum
        self.delta = delta
    }

    /// In a few words, for whoever looks.
    package var summary: String {
        let steps = training.map { "DP-SGD (\($0.unit), noise \($0.noise), clip \($0.clip), rate \($0.rate))" }
        let shares = sum.map { "noise \($0.noise) in the sum" }
        return [steps, shares].compactMap { $0 }.joined(separator: ", ")
    }

    /// Why it cannot be in such an opening; nil if it can.
    func problem(in opening: Opening) -> String? {
        guard let plan = opening.training else { return "only updates are made under noise" }
        if plan.pacing.mode != .even { return "all clouds take the same number of steps under noise" }
        if opening.pace != nil {
            return "an update that counts late, in a round with noise of its own, is not accounted for"
        }
        if opening.encryption != nil { return "what is sent in clear is chosen by gradients without noise" }
        if ![.fedavg, .uniform].contains(plan.weighting.rule.mode) {
            return "weights by `\(plan.weighting.rule.mode.rawValue)` follow the clouds' losses, which have no noise"
        }
        if training != nil, plan.gradientClip > 0 { return "each unit's gradient is clipped, not their sum" }
        guard let sum else { return nil }
        if opening.compression != nil { return "noise in the sum is of all values on one range" }
        if opening.clipNorm <= 0 { return "noise in the sum is counted in clip norms, and nothing is clipped" }
        if Set(opening.layout.segments.map(\.range)).count != 1 { return "noise in the sum wants one range" }
        if sum.honest > opening.minimumCohort { return "it counts on more shares than the smallest cohort has" }
        if sum.steps >= 1 << (opening.bits - 1) { return "its steps do not fit \(opening.bits) bits" }
        return nil
    }
}

extension PrivacyPlan {
    package var value: Value {
        .map([
            (
                "training",
                training.map {
                    .map([
                        ("unit", .text($0.unit.rawValue)), ("clip", .double($0.clip)), ("noise", .double($0.noise)),
                        ("rate", .double($0.rate)),
                    ])
                } ?? .none
            ),
            (
                "sum",
                sum.map {
                    .map([
                        ("noise", .double($0.noise)), ("honest", .number($0.honest)), ("steps", .number($0.steps)),
                        ("variance", .unsigned($0.variance)),
                    ])
                } ?? .none
            ), ("delta", .double(delta)),
        ])
    }

    package init(_ value: Value) throws {
        var fields = try Fields(value, at: "privacy")
        training = try fields.optional("training").map { value in
            var fields = try Fields(value, at: "privacy.training")
            let steps = Steps(
                unit: try fields.choice("unit"), clip: try fields.real("clip", in: PrivacyPlan.clips),
                noise: try fields.real("noise", in: PrivacyPlan.noises),
                rate: try fields.real("rate", in: PrivacyPlan.rates))
            try fields.finish()
            return steps
        }
        sum = try fields.optional("sum").map { value in
            var fields = try Fields(value, at: "privacy.sum")
            let noise = SumNoise(
                noise: try fields.real("noise", in: PrivacyPlan.noises),
                honest: try fields.integer("honest", in: 1...1024),
                steps: try fields.integer("steps", in: 1...Int(Int32.max)), variance: try fields.wide("variance"))
            try fields.finish()
            guard (1...1 << 50).contains(noise.variance) else {
                throw FederationError.malformed(
                    place: "privacy.sum.variance", "expected 1 to 2^50, found \(noise.variance)")
            }
            return noise
        }
        delta = try fields.real("delta", in: PrivacyPlan.deltas)
        try fields.finish()
        guard training != nil || sum != nil else {
            throw FederationError.malformed(place: "privacy", "it has no noise at all")
        }
    }
}
