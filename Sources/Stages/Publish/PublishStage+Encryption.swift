import Encryption
import Federation
import Monitoring
import Publication
import StageKit

// How much of an update is encrypted, and which of its values.
extension PublishStage {
    static let maskFact = "mask"

    /// Throws if what the configuration asks for cannot be in this run.
    nonisolated static func check(_ configuration: PublishConfiguration, _ model: UntrainedModel, _ suite: Suite) throws
    {
        let layout = try model.layout(range: configuration.range)
        let problem = configuration.encryption.problem(
            values: layout.count, range: configuration.range, clipNorm: configuration.clipNorm, suite: suite)
        if let problem = problem ?? configuration.compression?.problem(values: layout.count)
            ?? configuration.pace.problem(suite: suite)
        {
            throw StageError.configuration(problem)
        }
    }

    /// Throws if a run that has released such rounds cannot go on under it: a mask comes from a round before the first update, and the rounds of a
    /// run are counted with it or without it.
    nonisolated static func check(_ encryption: EncryptionPlan, after purposes: Set<Purpose>) throws {
        let hasMask = purposes.contains(.sensitivity)
        guard hasMask == encryption.needsSensitivities || !hasMask && !purposes.contains(.update) else {
            throw StageError.configuration(
                "publish's `encryption` has been changed \(hasMask ? "from" : "to") `formula: selective` in the middle of the run, whose rounds it decides: take the former one, or begin a new run"
            )
        }
    }

    /// The mask of a sensitivity round that was released before this start.
    func takeUpMask() throws {
        let purposes = Set(releases.newest.map(\.content.purpose))
        try Self.check(configuration.encryption, after: purposes)
        guard configuration.encryption.needsSensitivities, purposes.contains(.sensitivity) else { return }
        guard let bytes = try context.journal.read({ try $0.fact(Self.maskFact) }) else {
            throw StageError.journal("the journal has a released sensitivity round and no mask")
        }
        mask = try ValueMask(bytes: bytes, values: model.layout(range: configuration.range).count)
    }

    /// The values of the largest sensitivities. The sums themselves go no further.
    func chooseMask(from sums: [Double], round: RoundNumber) throws -> ValueMask? {
        guard case .selective(let fraction, let noise) = configuration.encryption else { return nil }
        let mask = try SensitivityRanking.mask(of: sums, fraction: fraction)
        let total = sums.reduce(0, +)
        let covered = sums.indices.reduce(0.0) { $0 + (mask.contains($1) ? sums[$1] : 0) }
        context.log.tell(
            .maskChosen, round: round,
            [
                .encrypted: .number(mask.count), .values: .number(mask.values), .noise: .real(noise),
                .sensitivityEncrypted: .real(total > 0 ? covered / total : 0),
            ])
        return mask
    }

    func bits(of step: RunPlan.Step) -> Int {
        switch step {
        case .update: configuration.bits
        case .sensitivity: SensitivityVector.bits
        case .statistics, .evaluation: configuration.countBits
        }
    }

    /// At the start.
    func warn() {
        if case .literal = configuration.encryption {
            context.log.tell(.literalFormula, [.reason: .text(PartialEncryption.leak)])
        }
        if let warning = configuration.update.weights.warning {
            context.log.tell(.literalFormula, [.reason: .text(warning)])
        }
    }

    /// In each round.
    func warn(of opening: Opening) {
        if case .literal = opening.encryption {
            context.log.tell(.literalFormula, round: opening.round, [.reason: .text(PartialEncryption.leak)])
        }
        if let warning = opening.training?.weighting.rule.warning {
            context.log.tell(.literalFormula, round: opening.round, [.reason: .text(warning)])
        }
    }
}
