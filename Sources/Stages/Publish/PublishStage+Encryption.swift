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

    /// The mask of a sensitivity round that was released before this start.
    func takeUpMask() throws {
        let purposes = Set(releases.newest.map(\.content.purpose))
        let needsMask = configuration.encryption.needsSensitivities
        guard
            purposes.contains(.sensitivity) == needsMask
                || !purposes.contains(.sensitivity) && !purposes.contains(.update)
        else {
            throw StageError.configuration(
                "publish's `encryption` has been changed in the middle of the run, whose rounds it decides: take the former one, or begin a new run"
            )
        }
        guard needsMask, purposes.contains(.sensitivity) else { return }
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
        guard case .literal = configuration.encryption else { return }
        context.log.tell(.literalFormula, [.reason: .text(PartialEncryption.leak)])
    }

    /// In each round.
    func warn(of opening: Opening) {
        guard case .literal = opening.encryption else { return }
        context.log.tell(.literalFormula, round: opening.round, [.reason: .text(PartialEncryption.leak)])
    }
}
