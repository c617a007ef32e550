import Tokenization
import Torch

/// Which tokens the loss counts.
package enum LossTarget: Hashable, Sendable {
    /// Each example's answer alone.
    case answers
    /// Every token that has a predecessor in its example.
    case everyToken
}

/// The step that adapters and whole models share.
struct TrainingLoop {
    let model: LlamaModel
    let parameters: ParameterVector
    let target: LossTarget

    /// The batch's mean loss; adds its derivative to the parameters' gradient where gradients are on.
    func loss(_ examples: [Int], of shard: TokenShard) throws -> Tensor {
        let tokens = examples.map(shard.tokens(of:))
        let targets: [Int64]
        let predicting: TokenBatch.Predictions
        switch target {
        case .answers:
            let answers = examples.map { Int(shard.answer[$0]) }
            targets = zip(tokens, answers).map { Int64($0[$0.startIndex + $1]) }
            predicting = .one(after: answers.map { $0 - 1 })
        case .everyToken:
            targets = tokens.flatMap { $0.dropFirst().map(Int64.init) }
            predicting = .successors
        }
        let batch = try TokenBatch(tokens, for: model.shape, model.library, predicting: predicting)
        return try model.logits(batch).crossEntropy(Tensor(model.library, indices: targets))
    }

    /// The batch's mean loss, its gradient left in `parameters.gradient`.
    func accumulate(_ examples: [Int], of shard: TokenShard) throws -> Double {
        try parameters.gradient.fill(0)
        let loss = try loss(examples, of: shard)
        try loss.backward()
        return Double(try loss.floats()[0])
    }

    func run(
        _ shard: TokenShard, _ settings: TrainingSettings, progress: (TrainingProgress) throws -> Void
    ) throws -> TrainingReport {
        var optimizer = try LocalSteps(settings.optimizer, model.library, parameters)
        var order = BatchOrder(shard, batchSize: settings.batchSize, seed: settings.seed)
        var losses: [Double] = []
        var norms: [Double] = []
        var tokens = 0
        let begin = ContinuousClock.now
        for step in 0..<settings.steps {
            let examples = order.next()
            let loss = try accumulate(examples, of: shard)
            guard loss.isFinite else { throw FineTuningError.diverged(step: step + 1, "the loss is not finite") }
            let rate = settings.learningRate.value(at: step, of: settings.steps)
            let norm = try optimizer.step(parameters, learningRate: rate)
            guard norm.isFinite else { throw FineTuningError.diverged(step: step + 1, "the gradient is not finite") }
            losses.append(loss)
            norms.append(norm)
            tokens += examples.reduce(0) { $0 + shard.length(of: $1) }
            try progress(
                TrainingProgress(
                    step: step + 1, steps: settings.steps, loss: loss, tokens: tokens,
                    elapsed: ContinuousClock.now - begin))
        }
        return TrainingReport(
            losses: losses, gradientNorms: norms, tokens: tokens, elapsed: ContinuousClock.now - begin)
    }
}
