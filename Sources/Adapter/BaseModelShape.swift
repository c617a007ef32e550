import JSONText
import Safetensors

/// The sizes of a Llama-family decoder, as its config.json states them.
package struct BaseModelShape: Hashable, Sendable {
    package let hidden: Int
    package let intermediate: Int
    package let layers: Int
    package let heads: Int
    /// Key and value heads; fewer than `heads` under grouped-query attention.
    package let kvHeads: Int
    package let headDim: Int
    package let vocabulary: Int
    /// Whether the output projection is the embedding.
    package let tiesEmbeddings: Bool
    package let ropeTheta: Double
    package let normEpsilon: Double
    package let maximumPositions: Int

    package static let maximumConfigBytes = 1 << 20

    /// Reads the text of a Hugging Face config.json. Keys that this build does not know are passed over, as every version of
    /// transformers adds some; those that would change what the model computes must have the value computed here.
    package init(configJSON: [UInt8]) throws(AdapterError) {
        guard configJSON.count <= BaseModelShape.maximumConfigBytes else {
            throw .baseModel("\(configJSON.count) bytes; at most \(BaseModelShape.maximumConfigBytes) are read")
        }
        do throws(JSONError) {
            let config = JSONField(try JSON(configJSON))
            try BaseModelShape.requireLlama(config)
            hidden = try config.member("hidden_size").integer(in: 1...65_536)
            intermediate = try config.member("intermediate_size").integer(in: 1...524_288)
            layers = try config.member("num_hidden_layers").integer(in: 1...512)
            heads = try config.member("num_attention_heads").integer(in: 1...1024)
            kvHeads = try config.optional("num_key_value_heads")?.integer(in: 1...1024) ?? heads
            vocabulary = try config.member("vocab_size").integer(in: 1...4_194_304)
            maximumPositions = try config.optional("max_position_embeddings")?.integer(in: 1...16_777_216) ?? 2048
            tiesEmbeddings = try config.optional("tie_word_embeddings")?.bool() ?? false
            normEpsilon = try config.optional("rms_norm_eps")?.number(in: 1e-12...1e-2) ?? 1e-6
            ropeTheta = try BaseModelShape.ropeTheta(config)
            guard heads.isMultiple(of: kvHeads) else {
                throw config.refused("\(heads) attention heads are not a multiple of \(kvHeads) key and value heads")
            }
            if let stated = try config.optional("head_dim") {
                headDim = try stated.integer(in: 2...1024)
            } else {
                guard hidden.isMultiple(of: heads) else {
                    throw config.refused(
                        "hidden_size \(hidden) is not a multiple of \(heads) heads, and head_dim is absent")
                }
                headDim = hidden / heads
            }
            guard headDim.isMultiple(of: 2) else {
                throw config.refused("rotary positions need an even head_dim, found \(headDim)")
            }
        } catch {
            throw .baseModel(error.description)
        }
    }

    private static func requireLlama(_ config: JSONField) throws(JSONError) {
        let type = try config.member("model_type").string()
        guard type == "llama" else {
            throw try config.member("model_type").refused("expected \"llama\", found \"\(type)\"")
        }
        if let activation = try config.optional("hidden_act") {
            let name = try activation.string()
            guard name == "silu" else { throw activation.refused("expected \"silu\", found \"\(name)\"") }
        }
        for name in ["attention_bias", "mlp_bias"] {
            if let flag = try config.optional(name), try flag.bool() {
                throw flag.refused("projections with a bias are not computed here; expected false")
            }
        }
        for name in ["rope_scaling", "quantization_config", "sliding_window"] {
            if let field = try config.optional(name) { throw field.refused("is not computed here; expected null") }
        }
    }

    /// transformers 5 moved `rope_theta` into `rope_parameters`.
    private static func ropeTheta(_ config: JSONField) throws(JSONError) -> Double {
        guard let rope = try config.optional("rope_parameters") else {
            return try config.optional("rope_theta")?.number(in: 1...1e12) ?? 10_000
        }
        if let type = try rope.optional("rope_type") {
            let name = try type.string()
            guard name == "default" else { throw type.refused("expected \"default\", found \"\(name)\"") }
        }
        if let factor = try rope.optional("partial_rotary_factor") { _ = try factor.number(in: 1...1) }
        return try rope.optional("rope_theta")?.number(in: 1...1e12) ?? 10_000
    }
}
