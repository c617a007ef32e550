import Adapter
import Foundation
import Testing

enum Fixtures {
    /// A tiny Llama as transformers 5 writes it.
    static let config = """
        {"architectures": ["LlamaForCausalLM"], "attention_bias": false, "dtype": "float32", "head_dim": 8,
         "hidden_act": "silu", "hidden_size": 32, "intermediate_size": 48, "max_position_embeddings": 64,
         "mlp_bias": false, "model_type": "llama", "num_attention_heads": 4, "num_hidden_layers": 2,
         "num_key_value_heads": 2, "pad_token_id": null, "rms_norm_eps": 1e-06,
         "rope_parameters": {"rope_theta": 10000.0, "rope_type": "default"}, "tie_word_embeddings": true,
         "vocab_size": 64}
        """

    static func base(_ config: String = config) throws -> BaseModelShape {
        try BaseModelShape(configJSON: Array(config.utf8))
    }

    static func configuration(
        targets: Set<Projection> = [.q, .v, .down], trains: AdapterConfiguration.Trains = .b, seed: UInt64 = 7
    ) throws -> AdapterConfiguration {
        try AdapterConfiguration(
            rank: 4, alpha: 8, targets: targets, trains: trains, seed: seed, baseModelName: "tiny-llama")
    }

    /// Values that differ from each other and from zero, the same every time.
    static func values(_ count: Int) -> [Float] { (0..<count).map { Float(($0 * 37) % 101) / 500 - 0.1 } }

    /// A directory of its own for `body`, removed after it.
    static func withDirectory<Result>(_ body: (String) throws -> Result) throws -> Result {
        let path = "/tmp/tributary-adapter-\(UInt64.random(in: 0 ... .max))"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        defer { #expect(throws: Never.self) { try FileManager.default.removeItem(atPath: path) } }
        return try body(path)
    }
}
