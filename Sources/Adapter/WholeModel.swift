import JSONText
package import Safetensors

/// A model whose every weight has been trained, with the files of its base that go with it.
package struct WholeModel: Equatable, Sendable {
    /// The base model's name.
    package let baseModelName: String
    package let shape: BaseModelShape
    /// In the order of `LlamaWeights.entries`.
    package let values: [Float]
    private let config: [UInt8]
    private let tokenizer: [String: [UInt8]]

    package static let configName = "config.json"
    package static let weightsName = "model.safetensors"
    package static let tokenizerName = "tokenizer.json"
    /// Files of the base model's folder that go with the model as they are; only tokenizer.json must be there.
    package static let tokenizerNames = [
        tokenizerName, "tokenizer_config.json", "special_tokens_map.json", "generation_config.json",
    ]

    /// - Parameters:
    ///   - config: the base model's config.json.
    ///   - tokenizer: its tokenizer's files by name.
    package init(
        baseModelName: String, config: [UInt8], tokenizer: [String: [UInt8]], values: [Float]
    ) throws(AdapterError) {
        shape = try BaseModelShape(configJSON: config)
        let expected = LlamaWeights.count(of: shape)
        guard values.count == expected else { throw .values("expected \(expected) weights, found \(values.count)") }
        guard values.allSatisfy(\.isFinite) else { throw .values("a weight is not finite") }
        guard tokenizer[WholeModel.tokenizerName] != nil,
            tokenizer.keys.allSatisfy(WholeModel.tokenizerNames.contains)
        else { throw .setting("expected the tokenizer's files, found \(tokenizer.keys.sorted())") }
        self.baseModelName = baseModelName
        self.config = try WholeModel.inF32(config)
        self.tokenizer = tokenizer
        self.values = values
    }

    /// Of all values, by layer.
    package static func tensors(of values: [Float], in shape: BaseModelShape) -> [TensorContents] {
        var first = 0
        return LlamaWeights.entries(of: shape).map { entry in
            defer { first += entry.count }
            return TensorContents(
                name: entry.name, shape: entry.shape, floats: Array(values[first..<first + entry.count]))
        }
    }

    /// The folder's files by name, as `transformers.AutoModelForCausalLM.from_pretrained` reads them. The same model gives the
    /// same bytes.
    package func files() throws -> [String: [UInt8]] {
        var files = tokenizer
        files[WholeModel.configName] = config
        files[WholeModel.weightsName] = try SafetensorsWriter.encode(
            WholeModel.tensors(of: values, in: shape), metadata: ["format": "pt", "tributary.trains": "full"])
        return files
    }

    /// config.json with the type in which the weights are written: transformers casts them to whatever it says.
    private static func inF32(_ config: [UInt8]) throws(AdapterError) -> [UInt8] {
        do throws(JSONError) {
            guard case .object(var members) = try JSON(config) else {
                throw JSONField(.null).refused("expected an object")
            }
            let types = ["torch_dtype", "dtype"].filter { members[$0] != nil }
            for name in types.isEmpty ? ["torch_dtype"] : types { members[name] = .string("float32") }
            return try JSON.object(members).encoded()
        } catch {
            throw .baseModel(error.description)
        }
    }
}

/// What a run publishes.
package enum ReleasedModel: Equatable, Sendable {
    case adapter(LowRankAdapter)
    case whole(WholeModel)

    package var baseModelName: String {
        switch self {
        case .adapter(let adapter): adapter.configuration.baseModelName
        case .whole(let model): model.baseModelName
        }
    }

    /// The files that make it, by name: a PEFT folder's, or a model folder's.
    package func files() throws -> [String: [UInt8]] {
        switch self {
        case .adapter(let adapter): try PEFTFolder.encode(adapter)
        case .whole(let model): try model.files()
        }
    }
}
