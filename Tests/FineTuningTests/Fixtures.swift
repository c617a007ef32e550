import Adapter
import FineTuning
import Foundation
import Safetensors
import Tokenization

/// A folder that is removed when the test ends.
final class TemporaryFolder {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.appendingPathComponent("tributary-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit {
        do {
            try FileManager.default.removeItem(atPath: path)
        } catch {
            print("could not remove \(path): \(error)")
        }
    }
}

/// Repeatable draws for fixtures.
struct Draws: RandomNumberGenerator {
    var state: UInt64

    init(_ seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 | 1 }

    mutating func next() -> UInt64 {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return state
    }

    mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }

    /// Uniform in [-range, range).
    mutating func value(_ range: Float) -> Float { (Float(next() >> 40) * 0x1p-23 - 1) * range }
}

/// A random tiny Llama with grouped-query attention and an output projection of its own.
struct TinyLlama {
    static let vocabulary = 97
    var config = """
        {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": 32, "intermediate_size": 48,
        "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": 97,
        "max_position_embeddings": 64, "rms_norm_eps": 1e-05, "rope_theta": 10000.0, "tie_word_embeddings": false,
        "hidden_act": "silu", "torch_dtype": "float32"}
        """
    var tensors: [TensorContents] = []

    init(seed: UInt64 = 1) {
        var draws = Draws(seed)
        func add(_ name: String, _ shape: [Int], norm: Bool = false) {
            let values = (0..<shape.reduce(1, *)).map { _ in norm ? 1 + draws.value(0.3) : draws.value(0.25) }
            tensors.append(TensorContents(name: name, shape: shape, floats: values))
        }
        add("model.embed_tokens.weight", [97, 32])
        for layer in 0..<2 {
            let prefix = "model.layers.\(layer)"
            add("\(prefix).input_layernorm.weight", [32], norm: true)
            add("\(prefix).self_attn.q_proj.weight", [32, 32])
            add("\(prefix).self_attn.k_proj.weight", [16, 32])
            add("\(prefix).self_attn.v_proj.weight", [16, 32])
            add("\(prefix).self_attn.o_proj.weight", [32, 32])
            add("\(prefix).post_attention_layernorm.weight", [32], norm: true)
            add("\(prefix).mlp.gate_proj.weight", [48, 32])
            add("\(prefix).mlp.up_proj.weight", [48, 32])
            add("\(prefix).mlp.down_proj.weight", [32, 48])
        }
        add("model.norm.weight", [32], norm: true)
        add("lm_head.weight", [97, 32])
    }

    func write(to folder: String) throws {
        try DurableFile.replace("\(folder)/config.json", with: Array(config.utf8))
        try SafetensorsWriter.write(tensors, metadata: ["format": "pt"], to: "\(folder)/model.safetensors")
    }

    /// The same with its embedding as output projection.
    func tied() -> TinyLlama {
        var model = self
        model.config = config.replacing("\"tie_word_embeddings\": false", with: "\"tie_word_embeddings\": true")
        model.replace("lm_head.weight", with: nil)
        return model
    }

    /// Puts another tensor in the place of the named one.
    mutating func replace(_ name: String, with tensor: TensorContents?) {
        guard let index = tensors.firstIndex(where: { $0.name == name }) else { return }
        tensors.remove(at: index)
        if let tensor { tensors.insert(tensor, at: index) }
    }
}

let noTokenizer = String(repeating: "0", count: 64)

/// Examples of 4 to 19 random tokens, whose answer (95 or 96, the last token but sometimes one) depends on them.
func randomShard(examples count: Int, seed: UInt64 = 7) throws -> TokenShard {
    var draws = Draws(seed)
    var examples: [[Int32]] = []
    var answers: [Int32] = []
    var labels: [Int32] = []
    for _ in 0..<count {
        var tokens = (0..<3 + draws.below(16)).map { _ in Int32(draws.below(95)) }
        let label: Int32 = tokens.contains { $0 < 6 } ? 1 : 0
        answers.append(Int32(tokens.count))
        labels.append(label)
        tokens.append(label == 1 ? 96 : 95)
        if draws.below(3) == 0 { tokens.append(Int32(draws.below(95))) }
        examples.append(tokens)
    }
    return try TokenShard(
        examples: examples, answer: answers, label: labels, split: .train, tokenizer: noTokenizer, cloud: "north")
}

/// The same records, and whose they are.
func patientShard(_ shard: TokenShard, patients: [Int32]) throws -> TokenShard {
    try TokenShard(
        tokens: shard.tokens, offsets: shard.offsets, answer: shard.answer, label: shard.label, patient: patients,
        split: shard.split, tokenizer: shard.tokenizer, cloud: shard.cloud)
}

func adapterConfiguration(
    _ trains: AdapterConfiguration.Trains = .b, targets: Set<Projection> = Set(Projection.allCases)
) throws -> AdapterConfiguration {
    if trains == .full { return try AdapterConfiguration(everyWeightOf: "tiny", seed: 11) }
    return try AdapterConfiguration(
        rank: 4, alpha: 8, targets: targets, trains: trains, seed: 11, baseModelName: "tiny")
}

/// The distance of two vectors over the length of the second.
func relativeError(_ found: ArraySlice<Float>, _ expected: [Float]) -> Double {
    let distance = zip(found, expected).reduce(0.0) { $0 + pow(Double($1.0) - Double($1.1), 2) }
    let length = expected.reduce(0.0) { $0 + pow(Double($1), 2) }
    return (distance / max(length, 1e-24)).squareRoot()
}

/// The folder of real test data, where the environment names one.
let dataFolder = ProcessInfo.processInfo.environment["TRIBUTARY_DATA"]
/// A python with torch, transformers, peft and safetensors, where the environment names one.
let python = ProcessInfo.processInfo.environment["TRIBUTARY_PYTHON"]
