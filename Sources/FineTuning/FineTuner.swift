package import Adapter
import Sodium
package import Tokenization
import Torch

/// The two tokens that an answer can be.
package struct AnswerTokens: Hashable, Sendable {
    package let event: Int32
    package let noEvent: Int32

    package init(event: Int32, noEvent: Int32) {
        self.event = event
        self.noEvent = noEvent
    }
}

/// Trains a LoRA adapter (Hu et al. 2021, arXiv 2106.09685) over a frozen base model. Values go in and out as one vector, in
/// the order of `AdapterConfiguration.layout`. Not Sendable, and every call runs to its end on the calling thread.
///
/// With one thread, the same base, shard, settings and start give the same bytes on the same kind of processor.
package final class FineTuner {
    /// The engine's library, which is loaded with the first of these.
    package static var libraries: [String] { TorchLibrary.files }

    package let base: BaseModel
    package let configuration: AdapterConfiguration
    private let target: LossTarget
    private let threads: Int
    private let model: LlamaModel
    private let parameters: ParameterVector
    private var start: [Float]

    /// An adapter at its beginning: A from the run seed, B zero. `loss` says which tokens training and `loss(of:)` count.
    package init(
        base: BaseModel, adapter configuration: AdapterConfiguration, loss target: LossTarget = .answers,
        threads: Int = 1
    ) throws {
        guard (1...1024).contains(threads) else {
            throw FineTuningError.setting("expected 1 to 1024 threads, found \(threads)")
        }
        let library = try TorchLibrary.shared()
        self.threads = threads
        self.base = base
        self.configuration = configuration
        self.target = target
        let adapter = try LowRankAdapter(initial: configuration, base: base.shape)
        start = adapter.trained
        parameters = try ParameterVector(library, count: start.count)
        model = try LlamaModel(base)
        try parameters.load(start)
        try attach(adapter)
    }

    /// How many values are trained.
    package var count: Int { parameters.count }

    /// Takes the trained values; `delta` counts from here.
    package func load(values: [Float]) throws {
        try parameters.load(values)
        start = values
    }

    package func values() throws -> [Float] { try parameters.values.floats() }

    /// What was trained since `load`.
    package func delta() throws -> AdapterDelta {
        AdapterDelta(values: zip(try values(), start).map { $0 - $1 })
    }

    /// Trains on `shard`, from the present values on, with a fresh optimiser. What `progress` throws ends
    /// training and is passed on.
    package func train(
        _ shard: TokenShard, _ settings: TrainingSettings, progress: (TrainingProgress) throws -> Void = { _ in }
    ) throws -> TrainingReport {
        try prepare(for: shard)
        return try loop.run(shard, settings, progress: progress)
    }

    /// The mean loss over the named examples, and its gradient in the order of the layout.
    package func gradient(on examples: [Int], of shard: TokenShard) throws -> (loss: Double, values: [Float]) {
        try prepare(for: shard)
        let loss = try loop.accumulate(examples, of: shard)
        return (loss, try parameters.gradient.floats())
    }

    /// For each example the logit of the event less that of its absence, where the answer is to be predicted.
    package func scores(of shard: TokenShard, answers: AnswerTokens, batchSize: Int = 64) throws -> [Float] {
        let (event, noEvent) = (Int(answers.event), Int(answers.noEvent))
        for token in [event, noEvent] where !(0..<base.shape.vocabulary).contains(token) {
            throw FineTuningError.setting("answer token \(token) is not one of the \(base.shape.vocabulary) known")
        }
        var scores = [Float](repeating: 0, count: shard.count)
        try forEachBatch(of: shard, batchSize) { examples, logits in
            for (row, example) in examples.enumerated() {
                let begin = row * base.shape.vocabulary
                scores[example] = logits[begin + event] - logits[begin + noEvent]
            }
        }
        return scores
    }

    /// The mean of -log probability over the tokens that the loss counts, in nats.
    package func loss(of shard: TokenShard, batchSize: Int = 64) throws -> Double {
        try prepare(for: shard)
        var (sum, count) = (0.0, 0.0)
        for examples in batches(of: shard, batchSize) {
            let loss = try model.library.withoutGradients { try loop.loss(examples, of: shard).floats()[0] }
            let counted = examples.reduce(0) { $0 + (target == .answers ? 1 : shard.length(of: $1) - 1) }
            sum += Double(loss) * Double(counted)
            count += Double(counted)
        }
        return sum / count
    }
}

extension FineTuner {
    private var loop: TrainingLoop { TrainingLoop(model: model, parameters: parameters, target: target) }

    /// Checks the shard, and sets the number of threads: OpenMP keeps it by calling thread, and the next call may come on
    /// another.
    private func prepare(for shard: TokenShard) throws {
        if let expected = base.tokenizerDigest, shard.tokenizer != expected.description {
            throw FineTuningError.shard(
                "its tokenizer is \(shard.tokenizer.prefix(8)), the base model's \(expected.short)"
            )
        }
        try model.library.setThreads(threads)
    }

    /// All examples by length, so that little is padded.
    private func batches(of shard: TokenShard, _ size: Int) -> [[Int]] {
        let sorted = (0..<shard.count).sorted { left, right in
            let (l, r) = (shard.length(of: left), shard.length(of: right))
            return l != r ? l < r : left < right
        }
        return stride(from: 0, to: sorted.count, by: max(1, size)).map {
            Array(sorted[$0..<min($0 + max(1, size), sorted.count)])
        }
    }

    private func forEachBatch(
        of shard: TokenShard, _ size: Int, _ body: ([Int], [Float]) -> Void
    ) throws {
        try prepare(for: shard)
        for examples in batches(of: shard, size) {
            let logits = try model.library.withoutGradients {
                let batch = try TokenBatch(
                    examples.map(shard.tokens(of:)), for: base.shape, model.library,
                    predicting: .one(after: examples.map { Int(shard.answer[$0]) - 1 }))
                return try model.logits(batch).floats()
            }
            body(examples, logits)
        }
    }

    /// Hangs the adapter's matrices onto the model: B, and A where it is trained, as leaves of the parameter vector.
    private func attach(_ adapter: LowRankAdapter) throws {
        struct Pair {
            let a: Tensor
            let b: Tensor
        }
        let library = model.library
        var pairs: [[Projection: Pair]] = Array(repeating: [:], count: base.shape.layers)
        var offset = 0
        for (index, module) in adapter.modules.enumerated() {
            let a: Tensor
            if configuration.trains == .both {
                a = try parameters.leaf(at: offset, shape: module.shapeA)
                offset += module.rank * module.inputs
            } else {
                a = try Tensor(library, adapter.a[index], shape: module.shapeA)
            }
            let b = try parameters.leaf(at: offset, shape: module.shapeB)
            offset += module.outputs * module.rank
            pairs[module.layer][module.projection] = Pair(a: a, b: b)
        }
        let (rank, scale) = (configuration.rank, Double(configuration.scaling))
        for layer in model.layers.indices {
            func group(_ members: [Projection]) throws -> ProjectionGroup.GroupAdapter? {
                let downs = members.compactMap { pairs[layer][$0]?.a }
                guard !downs.isEmpty else { return nil }
                let rows = members.map { member in
                    Tensor.AdaptedRows(
                        height: member.outputs(in: base.shape), up: pairs[layer][member]?.b, rank: rank)
                }
                guard configuration.trains == .both else {
                    let stacked = try Tensor.concatenated(downs, along: 0)
                    return .init(down: { () throws(TorchError) in stacked }, rows: rows, scale: scale)
                }
                // A trained A is stacked anew in every pass, so that each finds its gradient.
                return .init(
                    down: { () throws(TorchError) in try Tensor.concatenated(downs, along: 0) }, rows: rows,
                    scale: scale)
            }
            model.layers[layer].query.adapter = try group([.q])
            model.layers[layer].keyValue.adapter = try group([.k, .v])
            model.layers[layer].output.adapter = try group([.o])
            model.layers[layer].gateUp.adapter = try group([.gate, .up])
            model.layers[layer].down.adapter = try group([.down])
        }
    }
}
