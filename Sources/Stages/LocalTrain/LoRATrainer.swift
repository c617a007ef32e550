import Adapter
import Federation
import FineTuning
import Sodium
import StageKit
import Tokenization

/// Fine-tuning of an adapter, or of every weight, through libtorch, which is loaded at the first use.
final class LoRATrainer: Trainer, @unchecked Sendable {
    // `tuner` is touched inside `train` and `scores` alone, and the stage makes one such call at a time.
    private var tuner: FineTuner?
    private let base: BaseModel
    private let answers: AnswerTokens
    private let threads: Int
    private let settings: ComputeSettings
    private let cloud: CloudName
    private let probe: Int

    /// Reads and checks the base model; the engine itself is loaded later, but where the device must be looked for.
    init(_ configuration: LocalTrainConfiguration, cloud: CloudName) throws {
        self.cloud = cloud
        settings = configuration.compute
        try settings.require()
        (base, answers) = try StageError.reading(baseModel: configuration.base) {
            (try BaseModel(directory: configuration.base), try configuration.answers())
        }
        threads = configuration.threads
        probe = configuration.sensitivityRecords
    }

    var compute: ComputeSettings? { settings }

    /// One step and one score on one example of two tokens. It loads the engine, which stays.
    func rehearse() throws {
        let adapter = try AdapterConfiguration(
            rank: 1, alpha: 1, targets: [.q], trains: .b, seed: 1, baseModelName: "rehearsal")
        let tuner = try FineTuner(base: base, adapter: adapter, threads: threads, compute: settings)
        let shard = try TokenShard(
            examples: [[answers.event, answers.noEvent]], answer: [1], label: [1], split: .train,
            tokenizer: (base.tokenizerDigest ?? base.digest).description,
            cloud: "rehearsal")
        let report = try tuner.train(
            shard,
            try TrainingSettings(
                steps: 1, batchSize: 1, learningRate: .constant(1e-3), optimizer: OptimizerSettings(), seed: 1)
        ) { _ in }
        let scores = try tuner.scores(of: shard, answers: answers)
        guard report.losses.allSatisfy(\.isFinite), scores.allSatisfy(\.isFinite) else {
            throw StageError.configuration(
                "the self-test's step gave no finite loss: the engine or the base model is broken")
        }
    }

    func check(_ opening: Opening) throws {
        let plan = opening.adapter
        guard plan.baseDigest == base.digest.description else {
            throw StageError.configuration(
                "round \(opening.round) starts from base model \(plan.baseModel) (\(plan.baseDigest.prefix(8))), this cloud has another (\(base.digest.short)): copy the federation's"
            )
        }
        guard plan.tokenizerDigest == base.tokenizerDigest?.description else {
            throw StageError.configuration(
                "round \(opening.round) uses another tokenizer.json than this cloud's base model")
        }
        if opening.purpose == .update || opening.purpose == .sensitivity {
            let configuration = try AdapterConfiguration(plan)
            let factor = opening.purpose == .update ? configuration.factor(in: opening.layout, of: base.shape) : nil
            let expected = try configuration.layout(of: base.shape, range: 1, factor: factor)
            guard expected.segments.map(\.name) == opening.layout.segments.map(\.name),
                expected.segments.map(\.shape) == opening.layout.segments.map(\.shape)
            else {
                throw StageError.configuration(
                    "round \(opening.round): its layout is not that of the adapter it describes")
            }
        }
    }

    private func tuner(for opening: Opening) throws -> FineTuner {
        let configuration = try AdapterConfiguration(opening.adapter)
        let factor = configuration.factor(in: opening.layout, of: base.shape)
        // Scores are the same whichever factor is trained.
        if let tuner, tuner.configuration == configuration, opening.purpose != .update || tuner.factor == factor {
            return tuner
        }
        let made = try FineTuner(
            base: base, adapter: configuration, training: factor ?? .b, threads: threads, compute: settings)
        tuner = made
        return made
    }

    private func records(_ shard: TokenShard?) throws -> TokenShard {
        guard let shard else { throw StageError.configuration("this cloud has no records for it: see ingest's report") }
        return shard
    }

    private func load(_ start: StartingAdapter, into tuner: FineTuner, _ plan: AdapterPlan) throws {
        var values = try start.values()
        if values.isEmpty { values = try untrained(plan) }
        if tuner.configuration.trains == .a {
            values = try tuner.configuration.joined(a: values, ownB: start.ownValues(), of: base.shape)
        }
        try tuner.load(values: values)
    }

    func untrained(_ opening: Opening) throws -> [Float] { try untrained(opening.adapter) }

    private func untrained(_ plan: AdapterPlan) throws -> [Float] {
        if try AdapterConfiguration(plan).trains == .full { return try base.values() }
        return try LowRankAdapter(initial: AdapterConfiguration(plan), base: base.shape).trained
    }

    func train(
        _ opening: Opening, from start: StartingAdapter, on shard: TokenShard?, batch: Int?,
        progress: @escaping @Sendable (TrainerProgress) -> Void, delta: (UnsafeRawBufferPointer) throws -> Void
    ) throws -> TrainerResult {
        let shard = try records(shard)
        guard let plan = opening.training else { throw StageError.runFailed("an update round without a training plan") }
        let tuner = try loaded(opening, start)
        let settings = try TrainingSettings(
            plan, steps: plan.steps(of: cloud), batch: batch, round: opening.round)
        let tell: (TrainingProgress) -> Void = { step in
            progress(
                TrainerProgress(
                    step: step.step, steps: step.steps, loss: step.loss, tokensPerSecond: step.tokensPerSecond,
                    timeLeft: step.timeLeft))
        }
        let noisy = opening.privacy?.training
        let report: TrainingReport
        if let noisy {
            var words = try SecretWords()
            report = try tuner.train(
                shard, settings, privately: PrivateSettings(noisy, shard), words: &words, progress: tell)
        } else {
            report = try tuner.train(shard, settings, progress: tell)
        }
        var whole = try tuner.delta()
        var own: [Float] = []
        if tuner.configuration.trains == .a {
            own = try tuner.configuration.parted(tuner.values(), of: base.shape).ownB
            whole = AdapterDelta(values: try tuner.configuration.parted(whole.values, of: base.shape).a)
        }
        let clipped = opening.clipNorm > 0 ? whole.clipped(to: opening.clipNorm) : whole
        try clipped.values.withUnsafeBytes(delta)  // this platform is little-endian, as a ClearVector is
        return TrainerResult(
            norm: whole.norm, firstLoss: report.losses.first ?? 0,
            lastLoss: report.losses.last ?? 0, tokens: report.tokens, tokensPerSecond: report.tokensPerSecond,
            own: own, unit: noisy?.unit)
    }

    func places(_ opening: Opening) throws -> ValueMask? {
        if let places = opening.compression?.places { return places }
        let configuration = try AdapterConfiguration(opening.adapter)
        return try configuration.places(of: configuration.factor(in: opening.layout, of: base.shape), in: base.shape)
    }

    func sensitivities(_ opening: Opening, of start: StartingAdapter, on shard: TokenShard?) throws -> [Double] {
        let shard = try records(shard)
        let tuner = try loaded(opening, start)
        return try tuner.sensitivities(on: shard, records: probe, seed: opening.adapter.seed)
    }

    func scores(_ opening: Opening, of start: StartingAdapter, on shard: TokenShard?) throws -> [Float] {
        try loaded(opening, start).scores(of: records(shard), answers: answers)
    }

    func loss(_ opening: Opening, of start: StartingAdapter, on shard: TokenShard?) throws -> Double {
        try loaded(opening, start).loss(of: records(shard))
    }

    private func loaded(_ opening: Opening, _ start: StartingAdapter) throws -> FineTuner {
        let tuner = try tuner(for: opening)
        try load(start, into: tuner, opening.adapter)
        return tuner
    }
}
