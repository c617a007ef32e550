import Adapter
import Glibc
import JSONText
import Safetensors
import Sodium
package import Tokenization
import Torch

/// A small Llama to be trained from nothing.
package struct BaseModelRecipe: Hashable, Sendable {
    package let vocabulary: Int
    package let hidden: Int
    package let intermediate: Int
    package let layers: Int
    package let heads: Int
    package let kvHeads: Int
    package let maximumPositions: Int
    /// Decides the first weights.
    package let seed: UInt64

    package init(
        vocabulary: Int, hidden: Int = 128, intermediate: Int = 344, layers: Int = 2, heads: Int = 4, kvHeads: Int = 4,
        maximumPositions: Int = 256, seed: UInt64
    ) {
        self.vocabulary = vocabulary
        self.hidden = hidden
        self.intermediate = intermediate
        self.layers = layers
        self.heads = heads
        self.kvHeads = kvHeads
        self.maximumPositions = maximumPositions
        self.seed = seed
    }

    /// config.json as transformers reads it.
    func configuration() throws(JSONError) -> [UInt8] {
        try JSON.object([
            "architectures": .array([.string("LlamaForCausalLM")]),
            "model_type": .string("llama"),
            "hidden_size": .integer(hidden),
            "intermediate_size": .integer(intermediate),
            "num_hidden_layers": .integer(layers),
            "num_attention_heads": .integer(heads),
            "num_key_value_heads": .integer(kvHeads),
            "vocab_size": .integer(vocabulary),
            "max_position_embeddings": .integer(maximumPositions),
            "rms_norm_eps": .number(1e-5),
            "rope_theta": .number(10_000),
            "tie_word_embeddings": .bool(true),
            "hidden_act": .string("silu"),
            "torch_dtype": .string("float32"),
        ]).encoded()
    }
}

/// Trains a small base model from random weights and writes it as a Hugging Face folder.
package enum BaseModelTraining {
    /// Writes config.json, model.safetensors and tokenizer.json into `directory`, which must exist. The same recipe, shard
    /// and settings give the same bytes with one thread on the same kind of processor.
    package static func run(
        _ recipe: BaseModelRecipe, on shard: TokenShard, _ settings: TrainingSettings, loss: LossTarget = .everyToken,
        tokenizerJSON: [UInt8], threads: Int = 1, to directory: String,
        progress: (TrainingProgress) throws -> Void = { _ in }
    ) throws -> TrainingReport {
        guard shard.tokenizer == digest(of: tokenizerJSON) else {
            throw FineTuningError.shard("it was not tokenised with the tokenizer.json given")
        }
        let library = try TorchLibrary.shared()
        try library.setThreads(threads)
        let configuration = try recipe.configuration()
        let shape = try BaseModelShape(configJSON: configuration)
        let entries = LlamaWeights.entries(of: shape)
        let parameters = try ParameterVector(library, count: LlamaWeights.count(of: shape))
        try parameters.load(initial(entries, seed: recipe.seed))
        let model = try LlamaModel(shape, training: parameters, library)
        let report = try TrainingLoop(model: model, parameters: parameters, target: loss)
            .run(shard, settings, progress: progress)

        let values = try parameters.values.floats()
        let tensors = WholeModel.tensors(of: values, in: shape)
        try DurableFile.replace("\(directory)/config.json", with: configuration)
        try DurableFile.replace("\(directory)/tokenizer.json", with: tokenizerJSON)
        try SafetensorsWriter.write(tensors, metadata: ["format": "pt"], to: "\(directory)/model.safetensors")
        return report
    }

    /// How shards name a tokenizer.json.
    package static func digest(of tokenizerJSON: [UInt8]) -> String { Digest(of: tokenizerJSON).description }

    /// Normal with deviation 0.02, norms at one, as transformers starts a Llama.
    private static func initial(_ entries: [LlamaWeights.Entry], seed: UInt64) -> [Float] {
        var generator = SeededGenerator(seed: seed)
        return entries.flatMap { entry in
            guard entry.shape.count > 1 else { return [Float](repeating: 1, count: entry.count) }
            return (0..<entry.count).map { _ in Float(0.02 * normal(&generator)) }
        }
    }

    /// Box and Muller 1958; one of the pair is dropped, for brevity.
    private static func normal(_ generator: inout SeededGenerator) -> Double {
        let first = (Double(generator.next() >> 11) + 1) * 0x1p-53  // in (0, 1]
        let second = Double(generator.next() >> 11) * 0x1p-53
        return (-2 * log(first)).squareRoot() * cos(2 * Double.pi * second)
    }
}
