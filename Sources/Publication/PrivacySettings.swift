import Configuration
package import Federation
package import Privacy

/// publish.yaml's `privacy`: the noise that updates are made and summed under, and how much of it may be used up (docs/privacy.md).
package struct PrivacySettings: Equatable, Sendable {
    /// Nil where the clouds' own steps have no noise.
    package let training: PrivacyPlan.Steps?
    /// Of the clouds' noise in the sum, in clip norms; nil without.
    package let sumNoise: Double?
    /// Clouds that may put their heads together; nil for one less than open a sum, at least one.
    package let colluders: Int?
    package let delta: Double
    /// The most that updates may tell of a unit, and of a cloud; nil for no limit.
    package let budget: Double?
    package let sumBudget: Double?

    /// - Parameters:
    ///   - file: the whole of publish's config, whose other keys must go with noise.
    static func read(_ section: Section, in file: Section, update: UpdatePlan) -> PrivacySettings {
        let epsilons = 1e-6...1e6
        let noise = section.optionalDouble(
            "noise", in: 0...PrivacyPlan.noises.upperBound,
            about:
                "deviation of the noise on a step's sum of gradients, in clips; without it the clouds' steps have none")
        let rate = section.optionalDouble(
            "sampling", in: Value.positive, about: "the probability with which a unit takes part in a step")
        let clip = section.optionalDouble(
            "clip", in: PrivacyPlan.clips, about: "L2 norm of one unit's gradient at most; without it 1")
        let unit: PrivacyPlan.Unit? =
            section.has("unit")
            ? section.choice(
                "unit", default: .patient, about: "whom the clouds' steps protect: all records of a patient, or one")
            : nil
        let sumNoise = section.optionalDouble(
            "sum-noise", in: PrivacyPlan.noises,
            about: "deviation of the clouds' noise in the sum, in clip norms; without it sums have none")
        let colluders = section.optionalInt(
            "colluders", in: 0...1023,
            about: "clouds whose noise does not count; without it one less than must help to open a sum, at least 1")
        let delta = section.double(
            "delta", in: 1e-15...0.5, default: 1e-5, about: "for which epsilon is said")
        let budget = section.optionalDouble(
            "budget", in: epsilons, about: "epsilon of a unit above which no update is made; without it no limit")
        let sumBudget = section.optionalDouble(
            "sum-budget", in: epsilons, about: "epsilon of a cloud above which no update is made; without it no limit")
        var training: PrivacyPlan.Steps?
        if let noise, noise > 0 {
            if !PrivacyPlan.noises.contains(noise) {
                section.refuse("noise", "expected \(PrivacyPlan.noises.lowerBound) or more, found \(noise)")
            }
            if let rate, rate > 1 { section.refuse("sampling", "expected a probability, found \(rate)") }
            if rate == nil {
                section.refuse("`noise` wants `sampling`, the probability with which a unit takes part in a step")
            }
            training = .init(unit: unit ?? .patient, clip: clip ?? 1, noise: noise, rate: min(rate ?? 1, 1))
            for key in ["batch-size", "gradient-clip"] where file.has(key) {
                file.refuse(
                    key,
                    key == "batch-size"
                        ? "with `privacy.noise` a step's records are a sample at the rate `privacy.sampling`: leave it out"
                        : "with `privacy.noise` each unit's gradient is clipped, at `privacy.clip`: leave it out")
            }
        } else {
            for (key, isGiven) in [
                ("sampling", rate != nil), ("clip", clip != nil), ("unit", unit != nil), ("budget", budget != nil),
            ] where isGiven {
                section.refuse(key, "without `noise` the clouds' steps have none: give it, or leave this out")
            }
            if sumNoise == nil { section.refuse("it has neither `noise` nor `sum-noise`: leave it out, or give one") }
        }
        if sumNoise == nil {
            for (key, isGiven) in [("colluders", colluders != nil), ("sum-budget", sumBudget != nil)] where isGiven {
                section.refuse(key, "without `sum-noise` sums have none: give it, or leave this out")
            }
        }
        return PrivacySettings(
            training: training, sumNoise: sumNoise, colluders: colluders, delta: delta, budget: budget,
            sumBudget: sumBudget)
    }

    /// Refuses what does not go with noise, and says why.
    func check(
        in file: Section, update: UpdatePlan, encryption: EncryptionPlan, compression: CompressionSettings?,
        planner: PlannerPlan, pace: PacePlan, clipNorm: Double, test: Bool
    ) {
        if encryption != .full {
            file.refuse(
                "privacy",
                "`encryption` chooses what goes in clear by gradients that have no noise: take one of the two")
        }
        if planner.mode != .off {
            file.refuse(
                "privacy", "`planner` gives each cloud steps of its own, and epsilon would differ: take one of the two")
        }
        if pace.mode != .synchronous {
            file.refuse(
                "privacy",
                "an update that counts late under `pace`, in a round with noise of its own, is not accounted for: take one of the two"
            )
        }
        if ![.fedavg, .uniform].contains(update.weights.mode) {
            file.refuse(
                "privacy",
                "`weights: {mode: \(update.weights.mode.rawValue)}` follows the clouds' losses and times, which have no noise: take `fedavg` or `uniform`"
            )
        }
        if sumNoise != nil {
            if compression != nil {
                file.refuse(
                    "privacy",
                    "`sum-noise` is of all values on one range; with `compression` ranges differ, values are left out, and what is left over from updates before comes with them: take one of the two"
                )
            }
            if clipNorm == 0 {
                file.refuse("privacy", "`sum-noise` is counted in clip norms: `clip-norm` must be above 0")
            }
        }
        if budget != nil || sumBudget != nil, !test {
            file.refuse("privacy", "a budget may end the run early, with its test: `test` must be true")
        }
    }

    /// What an opening says; throws where the sum's noise does not fit.
    ///
    /// - Parameter threshold: how many clouds open a sum.
    package func plan(
        layout: VectorLayout, bits: Int, clipNorm: Double, minimumCohort: Int, threshold: Int
    ) throws(PublicationError) -> PrivacyPlan {
        var sum: PrivacyPlan.SumNoise?
        if let sumNoise {
            let colluders = colluders ?? max(1, threshold - 1)
            guard minimumCohort > colluders else {
                throw .privacy(
                    "of the smallest cohort, \(minimumCohort) clouds, \(colluders) may put their heads together, and nobody's noise would be left: raise `minimum-cohort`, or lower `privacy.colluders`"
                )
            }
            sum = .fitting(
                noise: sumNoise, honest: minimumCohort - colluders, range: layout.segments[0].range, clip: clipNorm,
                dimension: layout.count, bits: bits)
            guard sum != nil else {
                throw .privacy(
                    "\(bits) bits have no room for a step of an update and the tails of `privacy.sum-noise`: raise `bits`, or lower `clip-norm`"
                )
            }
        }
        return PrivacyPlan(training: training, sum: sum, delta: delta)
    }

    /// Which budget one more such update would go beyond, in words; nil if it may be made.
    package func overspending(_ ledger: PrivacyLedger) -> String? {
        if let budget, let unit = training?.unit {
            let epsilon = ledger.epsilon(of: unit, delta: delta)
            if epsilon > budget {
                return
                    "another update would take epsilon of a \(unit) to \(Figure.significant(epsilon)), and privacy.budget is \(Figure.significant(budget))"
            }
        }
        if let sumBudget {
            let epsilon = ledger.epsilonOfCloud(delta: delta)
            if epsilon > sumBudget {
                return
                    "another update would take epsilon of a cloud to \(Figure.significant(epsilon)), and privacy.sum-budget is \(Figure.significant(sumBudget))"
            }
        }
        return nil
    }
}

/// What of a run's releases no noise covers, in words for the manifest and the card.
package enum OutsidePrivacy {
    package static func list(statistics: Bool, evaluations: Bool, unit: Bool) -> [String] {
        var list: [String] = []
        if statistics { list.append("statistics: exact sums over the training records, of the whole cohort") }
        list.append("weights: each cloud's number of training records, bucketed")
        if evaluations {
            list.append(
                "evaluation: metrics over held-out patients, whose records no update is trained on; losses, if a cloud tells them"
            )
        }
        list.append("times: when clouds answer, and how long they train")
        if unit { list.append("logs: training losses, which stay in a cloud's own logs") }
        return list
    }
}
