/// The names and shapes of a Llama's tensors, in the order in which a fully trained model's values lie in one vector.
package enum LlamaWeights {
    package static let embedding = "model.embed_tokens.weight"
    package static let finalNorm = "model.norm.weight"
    package static let head = "lm_head.weight"

    package static func inputNorm(_ layer: Int) -> String { "model.layers.\(layer).input_layernorm.weight" }
    package static func attentionNorm(_ layer: Int) -> String {
        "model.layers.\(layer).post_attention_layernorm.weight"
    }
    package static func projection(_ layer: Int, _ projection: Projection) -> String {
        "model.layers.\(layer).\(projection.path).weight"
    }

    package struct Entry: Equatable, Sendable {
        package let name: String
        /// Row-major.
        package let shape: [Int]

        package var count: Int { shape.reduce(1, *) }
    }

    /// Every tensor of a model. Linears that read the same input follow one another, so that they can be used as one matrix.
    package static func entries(of model: BaseModelShape) -> [Entry] {
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

    /// Weights of a whole model, at most: where every one of them is trained they lie in memory several times over.
    package static let maximumCount = 1 << 24

    /// How many weights there are.
    package static func count(of model: BaseModelShape) -> Int { entries(of: model).reduce(0) { $0 + $1.count } }

    /// Tensors that some exports hold beside these and that change nothing: rotary tables (older transformers), and the
    /// output projection of a model that uses its embedding instead.
    package static func isRedundant(_ name: String, in model: BaseModelShape) -> Bool {
        name.hasSuffix(".rotary_emb.inv_freq") || (model.tiesEmbeddings && name == head)
    }
}
