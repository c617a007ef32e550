import Federation
import Monitoring
import Privacy
import StageKit

// What this cloud has told, and its own budget (docs/privacy.md).
extension EncryptStage {
    private static let ledgerFact = "privacy-ledger"

    private func ledger(_ entry: JournalEntry) throws -> PrivacyLedger {
        guard let bytes = try entry.fact(Self.ledgerFact) else { return PrivacyLedger() }
        guard let ledger = PrivacyLedger(encoded: bytes) else {
            throw StageError.journal("the journal's note of what privacy was spent is damaged")
        }
        return ledger
    }

    /// Throws where this cloud's limits leave no room for one more answer; one that has been given costs nothing more.
    func checkPrivacy(_ opening: Opening) throws {
        unanswerable = nil
        guard opening.purpose == .update else { return }
        let (spent, isGiven) = try context.journal.read {
            (try ledger($0), try $0.hasDeparture(contribution(opening.round)))
        }
        guard !isGiven,
            let reason = configuration.privacy.refusal(of: opening, after: spent, threshold: threshold)
        else { return }
        unanswerable = reason
        throw Refusal(reason)
    }

    /// Goes into the journal with the answer, before any of it leaves.
    func spend(_ opening: Opening, _ entry: JournalEntry) throws {
        guard opening.purpose == .update else { return }
        try entry.setFact(Self.ledgerFact, ledger(entry).spending(opening).encoded)
    }

    func tellSpending(_ opening: Opening) throws {
        guard let plan = opening.privacy else { return }
        let (spent, limits) = (try context.journal.read { try ledger($0) }, configuration.privacy)
        context.log.tell(
            .privacySpent, round: opening.round,
            .privacy(
                unit: plan.training.map { _ in limits.unit },
                epsilon: plan.training.map { _ in spent.epsilon(of: limits.unit, delta: limits.delta) },
                cloudEpsilon: plan.sum.map { _ in spent.epsilonOfCloud(delta: limits.delta) }, delta: limits.delta,
                budget: limits.budget ?? limits.sumBudget))
    }
}
