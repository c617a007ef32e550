import Corpus
import Encryption
import Federation
import Monitoring
import Planning
import Publication
import Sodium
import StageKit
import Topology

// Rounds are opened, or given up.
extension PublishStage {
    /// Opens the next step of the plan, or ends the run.
    func openNext() throws {
        retryBy = nil
        try lookAtBudget()
        guard releases.last?.content.isFinal != true, let step = plan.step(after: releases.count) else {
            return try finish()
        }
        // The next round's keys would be lost with this process: the successor opens it.
        isHeldBack = topology.suite == .secagg && context.isAskedToHandOver
        guard !isHeldBack else { return }
        let before = try context.latestOpening()?.content
        do {
            if let problem = try keys.advance(after: before, for: topology) {
                context.log.tell(.rotationRefused, [.reason: .text(problem)])
            }
            openBy = nil
        } catch let error as KeyOfSumsWanted {
            if openBy == nil { context.log.tell(.keyOfSumsWanted, [.reason: .text("\(error)")]) }
            openBy = context.surroundings.now + .seconds(2)
            return
        }
        let last = before?.round ?? RoundNumber(0)
        try forgetRounds(before: last)
        let (content, choice) = try opening(of: step, round: last.next)
        let opening = Signed(content, by: context.identity.signing)
        try context.journal.write { entry in
            try entry.insert(opening, round: opening.content.round)
            try spend(content, entry)
        }
        current = opening
        closing = RoundClosing()
        sharesBy = nil
        wait(for: choice.map { .seconds($0.deadline) } ?? configuration.deadline)
        expectation = Expectation(round: content.round, began: context.surroundings.now, choice: choice)
        context.announce(opening)
        try beginUnmasking(opening)
        warn(of: opening.content)
        context.log.tell(
            .roundOpened, round: opening.content.round,
            [
                .opening: .name(opening.digest), .suite: .name(opening.content.suite),
                .keyMode: .text(topology.keysName), .purpose: .name(opening.content.purpose),
                .key: .text(opener.publicKey?.id.description ?? ""),
                .values: .number(opening.content.layout.count), .bits: .number(opening.content.bits),
                .cohort: .list(opening.content.cohort.map { .name($0.cloud) }),
                .split: .text(opening.content.split?.rawValue ?? ""),
                .method: .text(opening.content.method), .stepsDone: .number(releases.count),
                .planSteps: .number(plan.steps.count),
            ])
        tellSpending(content)
        tellMissingLosses(content)
        if let choice { tell(choice, of: content) }
    }

    func opening(of step: RunPlan.Step, round: RoundNumber) throws -> (Opening, RoundChoice?) {
        let clouds = topology.dataClouds.sorted()
        // Weights are those that the clouds declared in the statistics round; equal where there was none.
        let declared = releases.first(.statistics)?.content.cohort ?? []
        let late = Weight.ofLatecomer(among: declared.map(\.weight))
        var cohort = clouds.map { cloud in
            Member(cloud: cloud, weight: declared.first { $0.cloud == cloud }?.weight ?? late)
        }
        let isUpdate = step.purpose == .update
        // Static data can be differenced between cohorts, so statistics and evaluations ask for everyone.
        let quorum = isUpdate ? min(configuration.quorum ?? cohort.count, cohort.count) : cohort.count
        var training: TrainingPlan?
        var choice: RoundChoice?
        var split: EvaluationSplit?
        var compression: CompressionPlan?
        var privacy: PrivacyPlan?
        var layout: VectorLayout
        switch step {
        case .statistics:
            layout = try StatisticsVector.layout(of: try variables(), bits: configuration.countBits)
        case .sensitivity: layout = try SensitivityVector.layout(of: model.layout(range: configuration.range))
        case .update(let index):
            let rule = configuration.update.weights
            var weighting = WeightingPlan.records
            if rule.mode != .fedavg {
                weighting = WeightingPlan(rule: rule, inputs: cohort.map { worth.input($0.cloud, records: $0.weight) })
                cohort = zip(cohort, rule.weights(weighting.inputs)).map { Member(cloud: $0.cloud, weight: $1) }
            }
            choice = try self.choice(for: cohort, quorum: quorum)
            let pacing = choice.map { choice in
                Pacing.balanced(zip(cohort, choice.steps).map { .init(cloud: $0.cloud, steps: $1) })
            }
            let range = configuration.range * (choice.map { reach(of: $0, in: cohort) } ?? 1)
            layout = try model.layout(range: range, ofUpdate: index)
            training = configuration.update.training(
                index, weighting: weighting, pacing: pacing ?? .even,
                clipsUnits: configuration.privacy?.training != nil)
            if let settings = configuration.compression {
                let made = try settings.plan(
                    of: index, layout: layout, limit: range, after: settings.needsStep ? model.lastStep() : nil)
                (compression, layout) = (made.plan, made.layout)
            }
            privacy = try configuration.privacy?.plan(
                layout: layout, bits: configuration.bits, clipNorm: configuration.clipNorm,
                minimumCohort: configuration.minimumCohort,
                threshold: topology.suite == .paillier ? opener.threshold : 0)
        case .evaluation(let chosen):
            layout = try ScoreBins.layout(bits: configuration.countBits)
            split = chosen
        }
        let key = opener.publicKey
        let deadline = choice.map { .seconds($0.deadline) } ?? configuration.deadline
        let opening = Opening(
            run: context.run, round: round, purpose: step.purpose, seat: try nextSeat(), layout: layout,
            bits: choice?.bits ?? bits(of: step), suite: topology.suite,
            keyID: key?.id.bytes ?? [], profile: key?.profile.rawValue ?? "", degree: topology.damgardJurik,
            clipNorm: isUpdate ? configuration.clipNorm : 0, cohort: cohort,
            quorum: choice?.quorum ?? quorum,
            minimumCohort: configuration.minimumCohort,
            deadline: context.surroundings.time + UInt64(deadline / .milliseconds(1)),
            startsFrom: model.round, adapterDigest: model.digest, adapter: model.plan, training: training, split: split,
            encryption: isUpdate ? configuration.encryption.opening(mask: mask) : nil, compression: compression,
            pace: isUpdate ? configuration.pace.opening(after: recent) : nil, privacy: privacy)
        return (opening, choice)
    }

    /// Weights that were to go by losses go by what is left of their rule: whoever asked for them should hear of it.
    private func tellMissingLosses(_ content: Opening) {
        guard let weighting = content.training?.weighting, weighting.rule.usesLosses,
            weighting.inputs.allSatisfy({ $0.loss == nil })
        else { return }
        let mode = weighting.rule.mode.rawValue
        context.log.tell(
            .lossesUntold, round: content.round,
            [
                .reason: .text(
                    "`weights: {mode: \(mode)}` weighs by the clouds' losses, and no cloud has told one with the newest scores: the rest of the rule decides alone. A cloud's owner lets it tell by `limits.tells-loss: true` in its encrypt config; otherwise take `weights: {mode: fedavg}`"
                )
            ])
    }

    func variables() throws -> VariableTable {
        guard let path = configuration.variables else {
            throw StageError.configuration("a statistics round needs `variables` in publish's config")
        }
        return try VariableTable.read(at: path)
    }

    func abandon(
        _ opening: Signed<Opening>, missing: [CloudName], reason: String = "the deadline passed without a quorum",
        settling name: TransferName?
    ) throws {
        let end = Signed(
            Abandonment(
                run: context.run, round: opening.content.round, opening: opening.digest, missing: missing,
                reason: reason),
            by: context.identity.signing)
        var attempts = attempts
        attempts.add(opening.content.round, missing: missing, at: context.surroundings.time)
        try context.journal.write { [attempts] entry in
            try entry.insert(end, round: opening.content.round)
            try entry.setFact(StepAttempts.fact, attempts.encoded)
            if let name { try entry.settle(name) }
            if let sum = closing.sum { try entry.settle(sum.offer.name) }
            for arrival in closing.unanswered { try entry.spend(arrival) }
        }
        answerAll()
        try endUnmasking(opening.content.round)
        current = nil
        self.attempts = attempts
        context.announce(end)
        var fields: EventFields = [
            .missing: .list(missing.map { .name($0) }), .reason: .text(reason), .attempt: .number(attempts.count),
            .pauseSeconds: .seconds(pause),
        ]
        if let most = configuration.attempts { fields[.attempts] = .number(most) }
        context.log.tell(.roundAbandoned, round: opening.content.round, fields)
        guard attempts.count < configuration.attempts ?? .max else {
            let names = missing.map(\.description).joined(separator: ", ")
            throw StageError.runFailed(
                "round \(opening.content.round) (\(opening.content.purpose)) was abandoned \(attempts.count) times, the last time as \(reason); "
                    + (missing.isEmpty ? "run again" : "missing: \(names); start those clouds' stages and run again"))
        }
        if !isOpening { try tryAgain() }
    }

    /// What was borrowed for the round is done with, and its senders may forget it.
    func answerAll() {
        for arrival in closing.unanswered {
            arrival.payload.discard()
            context.acknowledge(arrival)
        }
        closing = RoundClosing()
        sharesBy = nil
    }
}
