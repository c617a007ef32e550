import Encryption
import Federation
import Monitoring
import Planning
import Publication
import StageKit
import Topology

// What an update round asks, chosen by how fast the clouds have been; and how long it then takes.
extension PublishStage {
    /// What was expected of the open round, and when it was opened.
    struct Expectation {
        let round: RoundNumber
        let began: ContinuousClock.Instant
        var summed: ContinuousClock.Instant?
        var choice: RoundChoice?
    }

    /// Nil where nothing is to be chosen, or nothing is known yet.
    func choice(for cohort: [Member], quorum: Int) throws -> RoundChoice? {
        let planner = configuration.planner
        guard planner.mode == .balance else { return nil }
        let limits = planner.limits(of: configuration, quorum: quorum, suite: topology.suite)
        let slots = try Dictionary(
            uniqueKeysWithValues: limits.bits.map { ($0, try SlotLayout(bits: $0, cohort: cohort.count).width) })
        return paces.figures(cohort, slots: slots).flatMap { RoundPlanner(limits).choose($0) }
    }

    /// The largest value that a cloud folds, over one of `local-steps` steps: a step reaches equally far in every cloud, so it is the largest
    /// of factor times steps (`Opening.foldedWeight`), which is the largest weight over the largest weight per step.
    func reach(of choice: RoundChoice, in cohort: [Member]) -> Double {
        let heaviest = cohort.map { Double($0.weight) }.max() ?? 1
        let dearest = zip(cohort, choice.steps).map { Double($0.weight) / Double($1) }.max() ?? 1
        let reach = heaviest / (dearest * Double(configuration.update.localSteps))
        // Noise on values in clear does not shrink with the steps, and has been checked against the config's range.
        if case .full = configuration.encryption { return reach }
        return max(1, reach)
    }

    func tell(_ choice: RoundChoice, of opening: Opening) {
        context.log.tell(
            .roundPlanned, round: opening.round,
            [
                .predictedSeconds: .real(choice.prediction.seconds),
                .unplannedSeconds: .real(choice.unplanned.seconds),
                .paces: .list(choice.prediction.arrivals.map { .text("\($0.cloud) \($0.steps)") }),
                .bits: .number(choice.bits), .quorum: .number(choice.quorum),
                .deadlineSeconds: .real(choice.deadline), .reason: .text(choice.reasons.joined(separator: "; ")),
            ])
    }

    /// Learns from a round that is about to be released.
    func learn(from parts: [SumAbout.Part], told: [RecordedContribution], _ content: Opening) throws {
        guard let training = content.training else { return }
        // What was trained before its round was opened tells nothing of how fast its cloud is.
        let parts = parts.filter { $0.base == nil }
        let now = context.surroundings.now
        let trained = Dictionary(
            told.compactMap { part in part.about.trained.map { (part.cloud, $0) } }, uniquingKeysWith: { $1 })
        paces.take(
            parts, trained: trained, training: training,
            slot: try SlotLayout(bits: content.bits, cohort: content.cohort.count).width)
        guard let expectation, expectation.round == content.round else { return }
        func seconds(_ from: ContinuousClock.Instant, _ to: ContinuousClock.Instant) -> Double {
            (to - from) / .seconds(1)
        }
        paces.take(
            parts, gathered: expectation.summed.map { seconds(expectation.began, $0) },
            released: expectation.summed.map { seconds($0, now) })
        guard let choice = expectation.choice else { return }
        let actual = seconds(expectation.began, now)
        context.log.tell(
            .planCompared, round: content.round,
            [
                .predictedSeconds: .real(choice.prediction.seconds), .actualSeconds: .real(actual),
                .predictionError: .real(actual > 0 ? choice.prediction.seconds / actual - 1 : 0),
            ])
    }
}
