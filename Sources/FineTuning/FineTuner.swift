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

/// Trains a LoRA adapter (Hu et al. 2021, arXiv 2106.09685) over a frozen base model, or every weight of the model. Values go in
/// and out as one vector, in the order of `AdapterConfiguration.layout`. Not Sendable, and every call runs to its end on the calling thread.
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
    let parameters: ParameterVector
    /// The other matrices that `load` sets, and where in its values all of them lie.
    private let placement: Placement
    private var start: [Float]

    /// Which of an adapter's values this tuner trains: under `alternate` one factor, else all that are released.
    package let factor: AdapterConfiguration.Factor?

    /// An adapter at its beginning: A from the run seed, B zero; or the base model's own weights. `loss` says which tokens training and
    /// `loss(of:)` count.
    ///
    /// - Parameters:
    ///   - factor: under `alternate`, the one that is trained.
    ///   - compute: what the base model is computed on, and in which numbers.
    package init(
        base: BaseModel, adapter configuration: AdapterConfiguration, training factor: AdapterConfiguration.Factor = .b,
        loss target: LossTarget = .answers, threads: Int = 1, compute: ComputeSettings = .standard
    ) throws {
        guard (1...1024).contains(threads) else {
            throw FineTuningError.setting("expected 1 to 1024 threads, found \(threads)")
        }
        let library = try TorchLibrary.shared(on: compute.device)
        self.threads = threads
        self.base = base
        self.configuration = configuration
        self.target = target
        self.factor = configuration.trains == .alternate ? factor : nil
        guard configuration.trains != .full else {
            _ = try configuration.layout(of: base.shape, range: 1)  // refuses what is too large
            start = try base.values()
            placement = Placement(count: start.count)
            parameters = try ParameterVector(library, count: start.count)
            model = try LlamaModel(base.shape, training: parameters, library, in: compute.precision)
            try parameters.load(start)
            return
        }
        let adapter = try LowRankAdapter(initial: configuration, base: base.shape)
        placement = try Placement(adapter, training: self.factor, library)
        // Beside a shared A each cloud trains a B of its own.
        let initial =
            configuration.trains == .a
            ? try configuration.joined(a: adapter.trained, ownB: [], of: base.shape) : adapter.trained
        start = placement.trained(of: initial)
        parameters = try ParameterVector(library, count: start.count)
        model = try LlamaModel(base, compute)
        try parameters.load(start)
        try attach(adapter)
    }

    /// How many values are trained.
    package var count: Int { parameters.count }

    /// Takes all released values; `delta` counts from here.
    package func load(values: [Float]) throws {
        let trained = placement.trained(of: values)
        try parameters.load(trained)
        try placement.load(values)
        start = trained
    }

    /// Those that are trained.
    package func values() throws -> [Float] { try parameters.values.floats() }

    /// Logits after every token of one sequence, row by row, with the present values. On one thread.
    package func logits(after tokens: [Int32]) throws -> [[Float]] { try model.logits(after: tokens) }

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
    var loop: TrainingLoop { TrainingLoop(model: model, parameters: parameters, target: target) }

    /// Checks the shard, and sets the number of threads: OpenMP keeps it by calling thread, and the next call may come on
    /// another.
    func prepare(for shard: TokenShard) throws {
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

    /// Hangs the adapter's matrices onto the model: those that are trained as leaves of the parameter vector.
    private func attach(_ adapter: LowRankAdapter) throws {
        struct Pair {
            let a: () throws(TorchError) -> Tensor
            let b: Tensor
        }
        let library = model.library
        var pairs: [[Projection: Pair]] = Array(repeating: [:], count: base.shape.layers)
        var offset = 0
        func leaf(_ shape: [Int]) throws -> Tensor {
            defer { offset += shape.reduce(1, *) }
            return try parameters.leaf(at: offset, shape: shape)
        }
        for (index, module) in adapter.modules.enumerated() {
            let fixed = placement.fixed[index]
            let pair: Pair
            if configuration.trains == .core {
                // B (R A): R's gradient comes through the product.
                let r = try leaf([module.rank, module.rank])
                let transposed = try Tensor(
                    library, module.transposed(adapter.a[index]), shape: [module.inputs, module.rank])
                let b = try Tensor(library, adapter.b[index], shape: module.shapeB)
                pair = Pair(a: { () throws(TorchError) in try r.linear(transposed) }, b: b)
            } else {
                let a = try fixed.a ?? leaf(module.shapeA)
                let b = try fixed.b ?? leaf(module.shapeB)
                pair = Pair(a: { () throws(TorchError) in a }, b: b)
            }
            pairs[module.layer][module.projection] = pair
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
                func stack() throws(TorchError) -> Tensor {
                    var parts: [Tensor] = []
                    for down in downs { parts.append(try down()) }
                    return try Tensor.concatenated(parts, along: 0)
                }
                guard configuration.trains != .b else {
                    let stacked = try stack()
                    return .init(down: { () throws(TorchError) in stacked }, rows: rows, scale: scale)
                }
                // What is trained, or loaded anew, is stacked in every pass, so that each finds its values and its gradient.
                return .init(down: stack, rows: rows, scale: scale)
            }
            model.layers[layer].query.adapter = try group([.q])
            model.layers[layer].keyValue.adapter = try group([.k, .v])
            model.layers[layer].output.adapter = try group([.o])
            model.layers[layer].gateUp.adapter = try group([.gate, .up])
            model.layers[layer].down.adapter = try group([.down])
        }
    }
}

/// Where an adapter's released values go: into the vector that is trained, or into matrices that stand still.
private struct Placement {
    struct Fixed {
        let a: Tensor?
        let b: Tensor?
    }

    private struct Piece {
        let range: Range<Int>
        /// Nil where it is trained.
        let target: Tensor?
    }

    /// By module; nil where a matrix is trained.
    let fixed: [Fixed]
    private let pieces: [Piece]

    /// So many values, all of which are trained.
    init(count: Int) {
        fixed = []
        pieces = [Piece(range: 0..<count, target: nil)]
    }

    init(
        _ adapter: LowRankAdapter, training factor: AdapterConfiguration.Factor?, _ library: TorchLibrary
    ) throws(TorchError) {
        var fixed: [Fixed] = []
        var pieces: [Piece] = []
        var first = 0
        func piece(_ count: Int, _ target: Tensor?) {
            pieces.append(Piece(range: first..<first + count, target: target))
            first += count
        }
        for (index, module) in adapter.modules.enumerated() {
            func a() throws(TorchError) -> Tensor { try Tensor(library, adapter.a[index], shape: module.shapeA) }
            func b() throws(TorchError) -> Tensor { try Tensor(library, adapter.b[index], shape: module.shapeB) }
            let (countA, countB) = (module.rank * module.inputs, module.outputs * module.rank)
            switch adapter.configuration.trains {
            case .b:
                fixed.append(Fixed(a: try a(), b: nil))
                piece(countB, nil)
            case .both, .a:
                // Of `a` each cloud trains its own B beside A; what is summed is for the caller to take.
                fixed.append(Fixed(a: nil, b: nil))
                piece(countA, nil)
                piece(countB, nil)
            case .alternate:
                let still = Fixed(a: factor == .a ? nil : try a(), b: factor == .a ? try b() : nil)
                fixed.append(still)
                piece(countA, still.a)
                piece(countB, still.b)
            case .core:
                fixed.append(Fixed(a: nil, b: nil))
                piece(module.rank * module.rank, nil)
            case .full: break  // has no modules
            }
        }
        self.fixed = fixed
        self.pieces = pieces
    }

    private var count: Int { pieces.last?.range.upperBound ?? 0 }

    /// Of all values those that are trained; an empty list where the number is wrong, which the vector refuses.
    func trained(of values: [Float]) -> [Float] {
        guard values.count == count else { return [] }
        return pieces.filter { $0.target == nil }.flatMap { values[$0.range] }
    }

    func load(_ values: [Float]) throws {
        for piece in pieces {
            guard let target = piece.target else { continue }
            let part = Array(values[piece.range])
            guard part.allSatisfy(\.isFinite) else { throw FineTuningError.setting("an adapter value is not finite") }
            try target.copy(from: Tensor(target.library, part, shape: target.shape))
        }
    }
}

extension AdaptedModule {
    /// A, row-major [rank, inputs], as [inputs, rank].
    fileprivate func transposed(_ a: [Float]) -> [Float] {
        (0..<inputs).flatMap { column in (0..<rank).map { a[$0 * inputs + column] } }
    }
}
