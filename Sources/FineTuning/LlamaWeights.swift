import Adapter

/// The names and shapes of a Llama's tensors, in the order in which a fully trained model's values lie in one vector.
enum LlamaWeights {
    static let embedding = "model.embed_tokens.weight"
    static let finalNorm = "model.norm.weight"
    static let head = "lm_head.weight"

    static func inputNorm(_ layer: Int) -> String { "model.layers.\(layer).input_layernorm.weight" }
    static func attentionNorm(_ layer: Int) -> String { "model.layers.\(layer).post_attention_layernorm.weight" }
    static func projection(_ layer: Int, _ projection: Projection) -> String {
        "model.layers.\(layer).\(projection.path).weight"
    }

    struct Entry: Equatable {
        let name: String
        /// Row-major.
        let shape: [Int]

        var count: Int { shape.reduce(1, *) }
    }

    /// Every tensor of a model. Linears that read the same input follow one another, so that they can be used as one matrix.
    static func entries(of model: BaseModelShape) -> [Entry] {
        var entries = [Entry(name: embedding, shape: [model.vocabulary, model.hidden])]
        for layer in 0..<model.layers {
            func linear(_ projection: Projection) -> Entry {
                Entry(
                    name: LlamaWeights.projection(layer, projection),
                    shape: [projection.outputs(in: model), projection.inputs(in: model)])
            }
            entries.append(Entry(name: inputNorm(layer), shape: [model.hidden]))
            entries += [.q, .k, .v, .o].map(linear)
            entries.append(Entry(name: attentionNorm(layer), shape: [model.hidden]))
            entries += [.gate, .up, .down].map(linear)
        }
        entries.append(Entry(name: finalNorm, shape: [model.hidden]))
        if !model.tiesEmbeddings { entries.append(Entry(name: head, shape: [model.vocabulary, model.hidden])) }
        return entries
    }

    /// Tensors that some exports hold beside these and that change nothing: rotary tables (older transformers), and the
    /// output projection of a model that uses its embedding instead.
    static func isRedundant(_ name: String, in model: BaseModelShape) -> Bool {
        name.hasSuffix(".rotary_emb.inv_freq") || (model.tiesEmbeddings && name == head)
    }
}
