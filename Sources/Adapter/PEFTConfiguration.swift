import JSONText
import Safetensors

/// adapter_config.json, in the form that `peft.LoraConfig.from_pretrained` reads.
enum PEFTConfiguration {
    static func json(_ configuration: AdapterConfiguration) -> JSON {
        .object([
            "alpha_pattern": .object([:]),
            "auto_mapping": .null,
            "base_model_name_or_path": .string(configuration.baseModelName),
            "bias": .string("none"),
            "fan_in_fan_out": .bool(false),
            "inference_mode": .bool(true),
            "init_lora_weights": .bool(true),
            "layers_pattern": .null,
            "layers_to_transform": .null,
            "lora_alpha": .integer(configuration.alpha),
            "lora_dropout": .number(0),
            "modules_to_save": .null,
            "peft_type": .string("LORA"),
            "r": .integer(configuration.rank),
            "rank_pattern": .object([:]),
            "revision": .null,
            "target_modules": .array(configuration.targets.map { .string($0.rawValue) }),
            "task_type": .string("CAUSAL_LM"),
            "use_dora": .bool(false),
            "use_rslora": .bool(false),
        ])
    }

    /// Keys that change nothing about what a trained adapter computes, whatever their value.
    private static let passedOver: Set<String> = [
        "auto_mapping", "inference_mode", "init_lora_weights", "lora_dropout", "megatron_core", "peft_version",
        "qalora_group_size", "revision", "runtime_config",
    ]
    private static let read: Set<String> = [
        "base_model_name_or_path", "bias", "lora_alpha", "peft_type", "r", "target_modules", "task_type",
    ]

    static func decode(
        _ bytes: [UInt8], seed: UInt64, trains: AdapterConfiguration.Trains
    ) throws(AdapterError) -> AdapterConfiguration {
        do throws(JSONError) {
            let config = JSONField(try JSON(bytes))
            try require(config, "peft_type", "LORA")
            try require(config, "task_type", "CAUSAL_LM")
            try require(config, "bias", "none")
            try requireNoVariant(config)
            guard case .array = try config.member("target_modules").value else {
                throw try config.member("target_modules").refused(
                    "expected a list of projections: a pattern is not read here")
            }
            var names: [String] = []
            for field in try config.member("target_modules").elements(atMost: Projection.allCases.count) {
                names.append(try field.string())
            }
            let rank = try config.member("r").integer(in: 1...512)
            let alpha = try config.member("lora_alpha").integer(in: 1...65_536)
            let base = try config.optional("base_model_name_or_path")?.string(atMost: 256) ?? "unnamed"
            do throws(AdapterError) {
                return try AdapterConfiguration(
                    rank: rank, alpha: alpha, targetModules: names, trains: trains, seed: seed,
                    baseModelName: base.isEmpty ? "unnamed" : base)
            } catch {
                throw config.refused(error.description)
            }
        } catch {
            throw .configuration(error.description)
        }
    }

    private static func require(_ config: JSONField, _ name: String, _ expected: String) throws(JSONError) {
        let field = try config.member(name)
        let found = try field.string()
        guard found == expected else { throw field.refused("expected \"\(expected)\", found \"\(found.prefix(80))\"") }
    }

    /// Each version of PEFT adds variants of LoRA, all of them off unless set. A key not read here must therefore be off:
    /// null, false, or empty.
    private static func requireNoVariant(_ config: JSONField) throws(JSONError) {
        for (name, value) in try config.members().sorted(by: { $0.key < $1.key }) {
            guard !read.contains(name), !passedOver.contains(name) else { continue }
            switch value {
            case .null, .bool(false), .array([]), .object([:]): continue
            default:
                throw try config.member(name).refused(
                    "this variant of LoRA is not read here; expected null, false or empty")
            }
        }
    }
}
