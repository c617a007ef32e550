package import Adapter
import Glibc
import JSONText
import Safetensors
package import Sodium
import Torch

/// A base model's folder in Hugging Face's form: config.json, the weights as `model.safetensors` or as several files with
/// `model.safetensors.index.json`, and tokenizer.json. Checked whole when opened: every tensor is there, in its shape, in a
/// floating type; none is left over.
package struct BaseModel: Sendable {
    package let directory: String
    package let shape: BaseModelShape
    /// Names what the model computes with: BLAKE2b over config.json and over every tensor's name, type and bytes.
    package let digest: Digest
    /// The digest of tokenizer.json as shards name it; nil where the folder has none.
    package let tokenizerDigest: Digest?
    private let files: [String: SafetensorsFile]

    private static let indexName = "model.safetensors.index.json"
    private static let weightsName = "model.safetensors"
    private static let maximumIndexBytes = 64 << 20
    private static let maximumFiles = 1024
    private static let maximumTokenizerBytes = 128 << 20

    package init(directory: String) throws {
        self.directory = directory
        let config = try DurableFile.read("\(directory)/config.json", limit: BaseModelShape.maximumConfigBytes)
        shape = try BaseModelShape(configJSON: config)
        files = try BaseModel.open(directory)
        try BaseModel.check(files, shape)

        let hasher = Digest.Hasher()
        hasher.update(config)
        for entry in LlamaWeights.entries(of: shape) {
            guard let file = files[entry.name] else { continue }
            hasher.update(Array("\n\(entry.name) \(try file.entry(entry.name).type.rawValue)\n".utf8))
            try file.withBytes(of: entry.name) { hasher.update($0) }
        }
        digest = hasher.finish()
        let tokenizer = try BaseModel.readIfPresent(
            "\(directory)/tokenizer.json", limit: BaseModel.maximumTokenizerBytes)
        tokenizerDigest = tokenizer.map { Digest(of: $0) }
    }

    /// Nil where there is no such file.
    private static func readIfPresent(_ path: String, limit: Int) throws(SafetensorsError) -> [UInt8]? {
        do {
            return try DurableFile.read(path, limit: limit)
        } catch {
            if case .system(_, _, let code) = error, code == ENOENT { return nil }
            throw error
        }
    }

    /// The file that holds each tensor.
    private static func open(_ directory: String) throws -> [String: SafetensorsFile] {
        guard let indexBytes = try readIfPresent("\(directory)/\(indexName)", limit: maximumIndexBytes) else {
            let file = try opened(directory, weightsName)
            return file.tensors.mapValues { _ in file }
        }
        let places: [String: JSON]
        do throws(JSONError) {
            places = try JSONField(JSON(indexBytes)).member("weight_map").members()
        } catch {
            throw FineTuningError.base(file: indexName, error.description)
        }
        var opened: [String: SafetensorsFile] = [:]
        var files: [String: SafetensorsFile] = [:]
        for (tensor, place) in places {
            guard case .string(let name) = place, !name.contains("/"), name.hasSuffix(".safetensors") else {
                throw FineTuningError.base(
                    file: indexName, "tensor \(tensor.prefix(160)): expected the name of a file in the same folder")
            }
            if opened[name] == nil {
                guard opened.count < maximumFiles else {
                    throw FineTuningError.base(file: indexName, "more than \(maximumFiles) files")
                }
                opened[name] = try BaseModel.opened(directory, name)
            }
            files[tensor] = opened[name]
        }
        return files
    }

    private static func opened(_ directory: String, _ name: String) throws(FineTuningError) -> SafetensorsFile {
        do {
            return try SafetensorsFile(path: "\(directory)/\(name)")
        } catch {
            throw .base(file: name, error.description)
        }
    }

    private static func check(
        _ files: [String: SafetensorsFile], _ shape: BaseModelShape
    ) throws(FineTuningError) {
        let entries = LlamaWeights.entries(of: shape)
        for expected in entries {
            guard let found = files[expected.name]?.tensors[expected.name] else {
                throw .base(file: weightsName, "tensor \(expected.name) is missing")
            }
            guard found.shape == expected.shape else {
                throw .base(
                    file: weightsName,
                    "tensor \(expected.name): config.json asks for shape \(expected.shape), found \(found.shape)")
            }
            guard BaseModel.stored(found.type) != nil else {
                throw .base(
                    file: weightsName,
                    "tensor \(expected.name): expected F32, F16 or BF16, found \(found.type.rawValue)")
            }
        }
        let known = Set(entries.map(\.name))
        let extra = files.keys.filter { !known.contains($0) && !LlamaWeights.isRedundant($0, in: shape) }
        if let first = extra.min() {
            throw .base(
                file: weightsName, "tensor \(first.prefix(160)) belongs to no layer of a Llama of this config.json")
        }
    }

    private static func stored(_ type: Safetensors.ElementType) -> StoredType? {
        switch type {
        case .f32: .float32
        case .f16: .float16
        case .bf16: .bfloat16
        default: nil
        }
    }

    /// Every weight, in the order of `LlamaWeights.entries`.
    package func values() throws -> [Float] {
        var values: [Float] = []
        values.reserveCapacity(LlamaWeights.count(of: shape))
        for entry in LlamaWeights.entries(of: shape) {
            guard let file = files[entry.name] else {
                throw FineTuningError.base(file: entry.name, "the tensor is missing")
            }
            let tensor = try file.floats(entry.name)
            guard tensor.allSatisfy(\.isFinite) else {
                throw FineTuningError.base(
                    file: BaseModel.weightsName, "tensor \(entry.name) has a value that is not finite")
            }
            values += tensor
        }
        return values
    }

    /// A tensor's values as f32.
    func tensor(_ name: String, _ library: TorchLibrary) throws -> Tensor {
        guard let file = files[name] else { throw FineTuningError.base(file: name, "the tensor is missing") }
        let entry = try file.entry(name)
        guard let type = BaseModel.stored(entry.type) else {
            throw FineTuningError.base(file: name, "the tensor is of type \(entry.type.rawValue)")
        }
        let tensor = try file.withBytes(of: name) { try Tensor(library, bytes: $0, as: type, shape: entry.shape) }
        guard try tensor.norm().isFinite else {
            throw FineTuningError.base(file: BaseModel.weightsName, "tensor \(name) has a value that is not finite")
        }
        return tensor
    }
}
