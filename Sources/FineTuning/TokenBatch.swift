import Adapter
import Tokenization
import Torch

/// Sequences of tokens side by side, padded at their ends to one width, with the rows whose predictions are wanted.
struct TokenBatch {
    /// What is to be predicted.
    enum Predictions {
        /// The logits after every token of every sequence, padding included: [sequences * width].
        case everything
        /// After every token that has a successor in its sequence.
        case successors
        /// After one token of each sequence, by its index.
        case one(after: [Int])
    }

    struct OnePerSequence {
        /// One row of [sequences * width] for each sequence.
        let indices: Tensor
        /// [sequences, 1, 1, width]: 0 up to that token, -inf after it.
        let mask: Tensor
    }

    let sequences: Int
    let width: Int
    /// [sequences * width], padding as token 0.
    let tokens: Tensor
    /// [sequences * width].
    let positions: Tensor
    /// Set where exactly one prediction for each sequence is wanted.
    let onePerSequence: OnePerSequence?
    /// The rows wanted; nil for all.
    let rows: Tensor?

    init(
        _ examples: [ArraySlice<Int32>], for shape: BaseModelShape, _ library: TorchLibrary, predicting: Predictions
    ) throws {
        let width = examples.map(\.count).max() ?? 0
        guard width > 0, width <= shape.maximumPositions else {
            throw FineTuningError.shard(
                "expected sequences of 1 to \(shape.maximumPositions) tokens, found one of \(width)")
        }
        var tokens = [Int64](repeating: 0, count: examples.count * width)
        var positions = tokens
        for (index, example) in examples.enumerated() {
            for (offset, token) in example.enumerated() {
                guard token >= 0, Int(token) < shape.vocabulary else {
                    throw FineTuningError.shard("token \(token) is not one of the \(shape.vocabulary) of config.json")
                }
                tokens[index * width + offset] = Int64(token)
            }
            for offset in 0..<width { positions[index * width + offset] = Int64(offset) }
        }
        sequences = examples.count
        self.width = width
        self.tokens = try Tensor(library, indices: tokens)
        self.positions = try Tensor(library, indices: positions)
        switch predicting {
        case .everything:
            onePerSequence = nil
            rows = nil
        case .successors:
            onePerSequence = nil
            let wanted = examples.enumerated().flatMap { index, example in
                (0..<example.count - 1).map { Int64(index * width + $0) }
            }
            rows = try Tensor(library, indices: wanted)
        case .one(let after):
            let wanted = after.enumerated().map { Int64($0 * width + $1) }
            var mask = [Float](repeating: -.infinity, count: examples.count * width)
            for (index, last) in after.enumerated() {
                for offset in 0...last { mask[index * width + offset] = 0 }
            }
            let indices = try Tensor(library, indices: wanted)
            onePerSequence = OnePerSequence(
                indices: indices, mask: try Tensor(library, mask, shape: [examples.count, 1, 1, width]))
            rows = indices
        }
    }
}

extension TokenShard {
    func tokens(of example: Int) -> ArraySlice<Int32> { tokens[range(of: example)] }
}
