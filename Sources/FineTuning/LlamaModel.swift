package import Adapter
import Torch

/// Linears that read the same input, as one matrix, with the adapters that some of them carry.
struct ProjectionGroup {
    struct GroupAdapter {
        /// The members' A, stacked.
        let down: () throws(TorchError) -> Tensor
        let rows: [Tensor.AdaptedRows]
        /// alpha / rank.
        let scale: Double
    }

    /// [sum of outputs, inputs].
    let weight: Tensor
    var adapter: GroupAdapter?

    func callAsFunction(_ x: Tensor) throws(TorchError) -> Tensor {
        guard let adapter else { return try x.linear(weight) }
        return try x.adaptedLinear(weight: weight, down: adapter.down(), rows: adapter.rows, scale: adapter.scale)
    }
}

/// A Llama-family decoder (Touvron et al. 2023, arXiv 2302.13971) over libtorch; grouped-query attention (Ainslie et al.
/// 2023, arXiv 2305.13245). Not Sendable: one thread at a time.
package final class LlamaModel {
    struct Layer {
        let inputNorm: Tensor
        var query: ProjectionGroup
        var keyValue: ProjectionGroup
        var output: ProjectionGroup
        let attentionNorm: Tensor
        var gateUp: ProjectionGroup
        var down: ProjectionGroup
    }

    package let shape: BaseModelShape
    let library: TorchLibrary
    /// Of what flows between layers; weights are cast to it where they are of another.
    private let precision: Precision
    private let embedding: Tensor
    var layers: [Layer]
    private let finalNorm: Tensor
    private let head: Tensor
    private var rotary: RotaryTable

    /// Builds the model over weights that `stacked` gives: the named tensors, one above the other, as one.
    init(
        _ shape: BaseModelShape, _ library: TorchLibrary, in precision: Precision = .f32,
        stacked: ([String]) throws -> Tensor
    ) throws {
        self.precision = precision
        self.shape = shape
        self.library = library
        embedding = try stacked([LlamaWeights.embedding])
        layers = try (0..<shape.layers).map { layer in
            func group(_ members: [Projection]) throws -> ProjectionGroup {
                ProjectionGroup(weight: try stacked(members.map { LlamaWeights.projection(layer, $0) }))
            }
            return Layer(
                inputNorm: try stacked([LlamaWeights.inputNorm(layer)]), query: try group([.q]),
                keyValue: try group([.k, .v]), output: try group([.o]),
                attentionNorm: try stacked([LlamaWeights.attentionNorm(layer)]), gateUp: try group([.gate, .up]),
                down: try group([.down]))
        }
        finalNorm = try stacked([LlamaWeights.finalNorm])
        head = shape.tiesEmbeddings ? embedding : try stacked([LlamaWeights.head])
        rotary = RotaryTable(shape, library)
    }

    /// The model over a vector of all its weights, in the order of `LlamaWeights.entries`: every one is trained.
    convenience init(
        _ shape: BaseModelShape, training parameters: ParameterVector, _ library: TorchLibrary,
        in precision: Precision = .f32
    ) throws {
        var places: [String: (offset: Int, shape: [Int])] = [:]
        var count = 0
        for entry in LlamaWeights.entries(of: shape) {
            places[entry.name] = (count, entry.shape)
            count += entry.count
        }
        // The vector's order puts tensors that are used as one matrix side by side, so one leaf covers them.
        try self.init(shape, library, in: precision) { names in
            let members = names.compactMap { places[$0] }
            guard let first = members.first else {
                throw FineTuningError.base(file: "config.json", "no tensor \(names.first ?? "")")
            }
            let rows = members.reduce(0) { $0 + $1.shape[0] }
            return try parameters.leaf(at: first.offset, shape: [rows] + first.shape.dropFirst())
        }
    }

    /// The model as it lies in its folder, frozen.
    package convenience init(_ base: BaseModel, _ compute: ComputeSettings = .standard) throws {
        let library = try TorchLibrary.shared(on: compute.device)
        try self.init(base.shape, library, in: compute.precision) { names in
            let tensors = try names.map { try base.tensor($0, library).cast(to: compute.precision) }
            return tensors.count == 1 ? tensors[0] : try Tensor.concatenated(tensors, along: 0)
        }
    }

    /// Logits [rows, vocabulary], f32, for the rows that the batch asks for.
    func logits(_ batch: TokenBatch) throws(TorchError) -> Tensor {
        let angles = try rotary.angles(upTo: batch.width).selected(batch.positions)
        var x = try embedding.embedding(batch.tokens).cast(to: precision)
        for index in layers.indices {
            // After the last layer's keys and values only the rows asked for are needed: most of its work falls away.
            let rows = index == layers.count - 1 ? batch.onePerSequence : nil
            x = try forward(layers[index], x, batch, angles, rows)
        }
        if batch.onePerSequence == nil, let rows = batch.rows { x = try x.selected(rows, along: 0) }
        return try x.rmsNorm(finalNorm, epsilon: shape.normEpsilon).linear(head).cast(to: .f32)
    }

    private func forward(
        _ layer: Layer, _ x: Tensor, _ batch: TokenBatch, _ angles: RotaryAngles, _ rows: TokenBatch.OnePerSequence?
    ) throws(TorchError) -> Tensor {
        let normed = try x.rmsNorm(layer.inputNorm, epsilon: shape.normEpsilon)
        let width = shape.kvHeads * shape.headDim
        let keyValue = try layer.keyValue(normed).split([width, width], along: 1)
        let key = try spread(angles.turn(keyValue[0], shape.kvHeads, shape.headDim), batch)
        let value = try spread(keyValue[1], batch)

        var residual = x
        var asking = normed
        var asked = angles
        if let rows {
            residual = try x.selected(rows.indices, along: 0)
            asking = try normed.selected(rows.indices, along: 0)
            asked = try angles.selected(rows.indices)
        }
        let length = rows == nil ? batch.width : 1
        let query = try asked.turn(layer.query(asking), shape.heads, shape.headDim)
            .reshaped([batch.sequences, length, shape.heads, shape.headDim]).transposed(1, 2)
        // Padding lies after every token that counts, so the causal rule alone keeps it out.
        let mixed = try query.attention(key: key, value: value, mask: rows?.mask, causal: rows == nil)
            .transposed(1, 2).reshaped([batch.sequences * length, shape.heads * shape.headDim])
        let attended = try residual.adding(layer.output(mixed))
        let hidden = try layer.gateUp(attended.rmsNorm(layer.attentionNorm, epsilon: shape.normEpsilon)).swiGLU()
        return try attended.adding(layer.down(hidden))
    }

    /// Keys or values [rows, kv heads, head width] as [sequences, heads, width, head width], each kv head serving its group.
    private func spread(_ x: Tensor, _ batch: TokenBatch) throws(TorchError) -> Tensor {
        let (sequences, length) = (batch.sequences, batch.width)
        let perHead = try x.reshaped([sequences, length, shape.kvHeads, shape.headDim]).transposed(1, 2)
        guard shape.kvHeads < shape.heads else { return perHead }
        return try perHead.reshaped([sequences, shape.kvHeads, 1, length, shape.headDim])
            .expanded([sequences, shape.kvHeads, shape.heads / shape.kvHeads, length, shape.headDim])
            .reshaped([sequences, shape.heads, length, shape.headDim])
    }
}

extension LlamaModel {
    /// Logits after every token of one sequence, row by row: [length][vocabulary]. On one thread.
    package func logits(after tokens: [Int32]) throws -> [[Float]] {
        try library.setThreads(1)
        let values = try library.withoutGradients {
            try logits(TokenBatch([tokens[...]], for: shape, library, predicting: .everything)).floats()
        }
        return (0..<tokens.count).map {
            Array(values[$0 * shape.vocabulary..<($0 + 1) * shape.vocabulary])
        }
    }

    /// Continues `prompt` by the most probable token, `count` times. Every step runs over the whole sequence again: meant
    /// for tests and demonstrations. On one thread.
    package func greedy(after prompt: [Int32], count: Int) throws -> [Int32] {
        try library.setThreads(1)
        var tokens = prompt
        for _ in 0..<count {
            let next = try library.withoutGradients {
                let batch = try TokenBatch(
                    [tokens[...]], for: shape, library, predicting: .one(after: [tokens.count - 1]))
                return try logits(batch).argmax(along: 1).integers()
            }
            tokens.append(Int32(next[0]))
        }
        return tokens
    }
}
