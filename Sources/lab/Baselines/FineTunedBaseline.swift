import Adapter
import Corpus
import Federation
import FineTuning
import Publication
import Tokenization

/// The federation's own model and recipe, trained on one shard: a cloud of one's own, or all clouds' data in one place.
/// The steps, their learning rate, the fresh optimiser of each round and the clipping are those of the federation's rounds;
/// only nothing is averaged. After each round it is judged on validation patients, and the best round is kept.
struct FineTunedBaseline: Sendable {
    struct Outcome: Sendable {
        let values: [Float]
        /// The round whose values were kept, of how many; 0 is the untrained adapter.
        let keptRound: Int
        let rounds: Int
        /// The mean loss on the validation patients at that round; nil where there are none, and then nothing was stopped.
        let validationLoss: Double?
    }

    let base: BaseModel
    let adapter: AdapterConfiguration
    let plan: PublishConfiguration

    init(_ plan: PublishConfiguration) throws {
        guard case .adapter(let base, let adapter, _) = plan.model else {
            throw LabError("publish's config trains no adapter: there is nothing to compare")
        }
        guard adapter.trains != .full else {
            throw LabError("publish's config trains every weight, and what is compared here are adapters")
        }
        self.base = try BaseModel(directory: base)
        self.adapter = adapter
        self.plan = plan
    }

    /// Rounds without a better validation loss after which training ends.
    private var patience: Int { max(8, plan.update.rounds / 3) }

    func train(
        on shard: TokenShard, validation: TokenShard?,
        progress: @Sendable (_ round: Int, _ trainingLoss: Double, _ validationLoss: Double?) -> Void
    ) throws -> Outcome {
        let tuner = try FineTuner(base: base, adapter: adapter)
        var values = try tuner.values()
        var best = values
        var bestLoss = try validation.map { try tuner.loss(of: $0) }
        var kept = 0
        for round in 1...max(plan.update.rounds, 1) where round <= plan.update.rounds {
            let settings = try TrainingSettings(plan.update.training(round), round: RoundNumber(UInt32(round)))
            let report = try tuner.train(shard, settings)
            let delta = try tuner.delta()
            let clipped = plan.clipNorm > 0 ? delta.clipped(to: plan.clipNorm) : delta
            values = zip(values, clipped.values).map { $0 + $1 }
            try tuner.load(values: values)
            let loss = try validation.map { try tuner.loss(of: $0) }
            progress(round, report.losses.reduce(0, +) / Double(max(report.losses.count, 1)), loss)
            if let loss, let least = bestLoss, loss >= least {
                if round - kept >= patience { break }
                continue
            }
            (best, bestLoss, kept) = (values, loss, round)
        }
        return Outcome(values: best, keptRound: kept, rounds: plan.update.rounds, validationLoss: bestLoss)
    }

    /// Scores of the test stays of each cloud in turn, and the mean loss over them.
    func scores(of values: [Float], on data: CloudData, answers: AnswerTokens) throws -> (
        scores: [Double], loss: Double
    ) {
        let tuner = try FineTuner(base: base, adapter: adapter)
        try tuner.load(values: values)
        var scores: [Double] = []
        var loss = 0.0
        for cloud in data.clouds {
            guard let test = cloud.shard(.test) else { continue }
            scores += try tuner.scores(of: test, answers: answers).map(Double.init)
            loss += try tuner.loss(of: test) * Double(test.count)
        }
        return (scores, loss / Double(max(scores.count, 1)))
    }

    var untrained: [Float] {
        get throws { try LowRankAdapter(initial: adapter, base: base.shape).trained }
    }
}
