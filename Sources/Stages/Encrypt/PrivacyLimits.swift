import Configuration
import Federation
import Privacy

/// What this cloud's updates may tell of its patients and of itself, whatever an opening asks.
struct PrivacyLimits {
    /// Whom the clouds' steps must protect.
    var unit = PrivacyPlan.Unit.patient
    /// Epsilon of a unit that updates may come to; nil: updates need no noise in their steps.
    var budget: Double?
    /// Of this cloud, by all its sums; nil: sums need no noise.
    var sumBudget: Double?
    /// For which this cloud counts.
    var delta = 1e-5
    /// Clouds whose noise counts for nothing here; nil for one less than must help to open a sum, at least one.
    var colluders: Int?

    init() {}

    init(from section: Section) {
        let epsilons = 1e-6...1e6
        unit = section.choice(
            "unit", default: unit, about: "whom updates must protect: all records of a patient, or one")
        budget = section.optionalDouble(
            "budget", in: epsilons,
            about:
                "epsilon of such a unit, over the run, above which nothing is answered; with it an update without noise is refused"
        )
        sumBudget = section.optionalDouble(
            "sum-budget", in: epsilons,
            about:
                "epsilon of this cloud, over the run, above which nothing is answered; with it a sum without noise is refused"
        )
        delta = section.double("delta", in: 1e-15...0.5, default: delta, about: "for which both are counted")
        colluders = section.optionalInt(
            "colluders", in: 0...1023,
            about: "clouds whose noise counts for nothing; without it one less than must help to open a sum, at least 1"
        )
        if budget == nil, sumBudget == nil {
            section.refuse("it limits nothing: give `budget`, `sum-budget` or both, or leave it out")
        }
    }

    /// Why this cloud does not answer an opening; nil if it does.
    ///
    /// - Parameters:
    ///   - ledger: what it has answered so far.
    ///   - threshold: how many clouds open a sum.
    func refusal(of opening: Opening, after ledger: PrivacyLedger, threshold: Int) -> String? {
        guard opening.purpose == .update else { return nil }
        if let fault = opening.sumNoiseFault { return fault }
        if let sum = opening.privacy?.sum {
            let colluders = colluders ?? max(1, threshold - 1)
            guard sum.honest <= opening.minimumCohort - colluders else {
                return
                    "its noise counts on \(sum.honest) clouds of \(opening.minimumCohort), and here \(colluders) may put their heads together (limits.privacy.colluders)"
            }
        }
        let next = ledger.spending(opening)
        if let budget {
            guard let training = opening.privacy?.training else {
                return "its updates are made without noise, and this cloud has a limits.privacy.budget"
            }
            guard unit == .record || training.unit == .patient else {
                return "its noise protects single records, and this cloud's limits.privacy.unit is patient"
            }
            let epsilon = next.epsilon(of: unit, delta: delta)
            guard epsilon <= budget else {
                return
                    "this cloud's privacy is used up: its answer would take epsilon of a \(unit) to \(Self.short(epsilon)), and limits.privacy.budget is \(Self.short(budget))"
            }
        }
        if let sumBudget {
            guard opening.privacy?.sum != nil else {
                return "its sum has no noise, and this cloud has a limits.privacy.sum-budget"
            }
            let epsilon = next.epsilonOfCloud(delta: delta)
            guard epsilon <= sumBudget else {
                return
                    "this cloud's privacy is used up: its answer would take epsilon of the cloud to \(Self.short(epsilon)), and limits.privacy.sum-budget is \(Self.short(sumBudget))"
            }
        }
        return nil
    }

    private static func short(_ value: Double) -> String {
        value.isFinite && value < 1e12 ? "\((value * 1000).rounded() / 1000)" : "infinity"
    }
}
