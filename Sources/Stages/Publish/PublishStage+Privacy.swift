import Federation
import Monitoring
import Privacy
import Publication
import StageKit
import Topology

// What updates tell of units and clouds, and the budget that ends them (docs/privacy.md).
extension PublishStage {
    private static let ledgerFact = "privacy-ledger"

    func takeUpLedger() throws {
        if let bytes = try context.journal.read({ try $0.fact(Self.ledgerFact) }) {
            guard let kept = PrivacyLedger(encoded: bytes) else {
                throw StageError.journal("the journal's note of what privacy was spent is damaged")
            }
            ledger = kept
        } else if releases.newest.contains(where: { $0.content.purpose == .update }) {
            // From before there was a ledger.
            ledger = .unknown
        }
        guard let open = try context.latestOpening(), open.content.split == .test,
            case .update = configuration.plan.step(after: releases.count)
        else { return }
        // A budget had ended the updates.
        overspending = try overspendingOfNext()
    }

    /// The run's plan; once a budget is used up without the updates that are left.
    var plan: RunPlan {
        guard overspending != nil, case .update(let index) = configuration.plan.step(after: releases.count) else {
            return configuration.plan
        }
        return configuration.plan.ending(before: index)
    }

    private func overspendingOfNext() throws -> String? {
        guard let settings = configuration.privacy, let step = configuration.plan.step(after: releases.count),
            case .update = step
        else { return nil }
        return settings.overspending(ledger.spending(try opening(of: step, round: RoundNumber(1)).0))
    }

    /// Ends the updates where the next would go beyond a budget.
    func lookAtBudget() throws {
        guard let reason = try overspendingOfNext() else { return overspending = nil }
        guard overspending == nil else { return }
        overspending = reason
        context.log.tell(
            .privacyBudgetSpent,
            [
                .reason: .text(
                    "\(reason): the run goes on with its test, and ends; for more raise the budget and `tributary apply`, in a run of its own if this one has ended"
                )
            ])
    }

    /// Goes into the journal with the opening, before anybody hears of it: what is opened may be answered, whatever becomes of it.
    func spend(_ opening: Opening, _ entry: JournalEntry) throws {
        guard opening.purpose == .update else { return }
        ledger.spend(opening)
        try entry.setFact(Self.ledgerFact, ledger.encoded)
    }

    /// After an update has been opened.
    func tellSpending(_ opening: Opening) {
        guard let plan = opening.privacy else { return }
        context.log.tell(
            .privacySpent, round: opening.round,
            .privacy(
                unit: plan.training?.unit,
                epsilon: plan.training.map { ledger.epsilon(of: $0.unit, delta: plan.delta) },
                cloudEpsilon: plan.sum.map { _ in ledger.epsilonOfCloud(delta: plan.delta) }, delta: plan.delta,
                budget: configuration.privacy?.budget ?? configuration.privacy?.sumBudget))
    }

    /// What the manifest says of noise; nil for an adapter whose update had none.
    func privacyAccount(of update: Opening) -> ReleaseManifest.DifferentialPrivacy? {
        guard let plan = update.privacy else { return nil }
        return ReleaseManifest.DifferentialPrivacy(
            plan, ledger: ledger, budget: configuration.privacy?.budget, sumBudget: configuration.privacy?.sumBudget,
            stopped: overspending,
            outside: OutsidePrivacy.list(
                statistics: configuration.variables != nil,
                evaluations: configuration.plan.steps.contains { $0.purpose == .evaluation }, unit: plan.training != nil
            ))
    }
}
