/// The linear projections of a Llama layer that can carry an adapter, in the order of every layout.
package enum Projection: String, Hashable, Sendable, CaseIterable {
    case q = "q_proj"
    case k = "k_proj"
    case v = "v_proj"
    case o = "o_proj"
    case gate = "gate_proj"
    case up = "up_proj"
    case down = "down_proj"

    /// The module that holds it: `self_attn.q_proj`.
    package var path: String {
        switch self {
        case .q, .k, .v, .o: "self_attn.\(rawValue)"
        case .gate, .up, .down: "mlp.\(rawValue)"
        }
    }

    package func inputs(in base: BaseModelShape) -> Int {
        switch self {
        case .q, .k, .v, .gate, .up: base.hidden
        case .o: base.heads * base.headDim
        case .down: base.intermediate
        }
    }

    package func outputs(in base: BaseModelShape) -> Int {
        switch self {
        case .q: base.heads * base.headDim
        case .k, .v: base.kvHeads * base.headDim
        case .o, .down: base.hidden
        case .gate, .up: base.intermediate
        }
    }
}

/// One projection of one layer together with its pair of low-rank factors: W + (alpha / rank) B A.
package struct AdaptedModule: Hashable, Sendable {
    package let layer: Int
    package let projection: Projection
    package let inputs: Int
    package let outputs: Int
    package let rank: Int

    /// PEFT's name of A, of shape [rank, inputs].
    package var nameA: String { "\(prefix).lora_A.weight" }
    /// PEFT's name of B, of shape [outputs, rank].
    package var nameB: String { "\(prefix).lora_B.weight" }
    package var shapeA: [Int] { [rank, inputs] }
    package var shapeB: [Int] { [outputs, rank] }
    /// Of R under `core`, of shape [rank, rank]: it is summed, and folded into B where an adapter is written.
    package var nameR: String { "\(prefix).lora_R.weight" }

    /// A trained matrix.
    struct Part {
        let name: String
        let shape: [Int]
        /// Nil for R.
        let factor: AdapterConfiguration.Factor?
        var count: Int { shape.reduce(1, *) }
    }

    /// What of it is released, in order.
    func parts(_ trains: AdapterConfiguration.Trains) -> [Part] {
        let a = Part(name: nameA, shape: shapeA, factor: .a)
        let b = Part(name: nameB, shape: shapeB, factor: .b)
        return switch trains {
        case .a: [a]
        case .b: [b]
        case .both, .alternate: [a, b]
        case .full: []
        case .core: [Part(name: nameR, shape: [rank, rank], factor: nil)]
        }
    }

    /// The base model's own name of the adapted weight, of shape [outputs, inputs].
    package var nameW: String { "model.layers.\(layer).\(projection.path).weight" }

    private var prefix: String { "base_model.model.model.layers.\(layer).\(projection.path)" }
}
