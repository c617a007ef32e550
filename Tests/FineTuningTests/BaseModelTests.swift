import FineTuning
import Safetensors
import Testing

@Suite("Base model")
struct BaseModelTests {
    struct Spoiled: Sendable, CustomTestStringConvertible {
        let testDescription: String
        /// What the refusal must name.
        let names: [String]
        let spoil: @Sendable (inout TinyLlama) -> Void
    }

    private static let query = "model.layers.1.self_attn.q_proj.weight"

    static let spoiled = [
        Spoiled(testDescription: "a tensor is missing", names: [query, "missing"]) { $0.replace(query, with: nil) },
        Spoiled(testDescription: "a tensor has another shape", names: [query, "[32, 32]", "[32, 16]"]) {
            $0.replace(
                query,
                with: TensorContents(name: query, shape: [32, 16], floats: [Float](repeating: 0, count: 512)))
        },
        Spoiled(testDescription: "a tensor is of whole numbers", names: [query, "I32"]) {
            $0.replace(
                query,
                with: TensorContents(name: query, shape: [32, 32], integers: [Int32](repeating: 0, count: 1024)))
        },
        Spoiled(testDescription: "a tensor too many", names: ["model.layers.0.self_attn.q_proj.bias"]) {
            let name = "model.layers.0.self_attn.q_proj.bias"
            $0.tensors.append(TensorContents(name: name, shape: [32], floats: [Float](repeating: 0, count: 32)))
        },
        Spoiled(testDescription: "another kind of model", names: ["model_type", "mistral"]) {
            $0.config = $0.config.replacing("\"model_type\": \"llama\"", with: "\"model_type\": \"mistral\"")
        },
        Spoiled(testDescription: "scaled rotary positions", names: ["rope_scaling"]) {
            $0.config = $0.config.replacing("{\"model", with: "{\"rope_scaling\": {\"factor\": 2}, \"model")
        },
        Spoiled(testDescription: "config.json of another width", names: ["config.json asks for shape [97, 64]"]) {
            $0.config = $0.config.replacing("\"hidden_size\": 32", with: "\"hidden_size\": 64")
        },
        Spoiled(testDescription: "config.json cut short", names: ["config.json", "line "]) {
            $0.config = String($0.config.dropLast(30))
        },
    ]

    @Test("a spoiled model is refused when opened, and the thing named", arguments: spoiled)
    func refused(spoiled: Spoiled) throws {
        let folder = try TemporaryFolder()
        var model = TinyLlama()
        try model.write(to: folder.path)
        _ = try BaseModel(directory: folder.path)
        spoiled.spoil(&model)
        try model.write(to: folder.path)
        do {
            _ = try BaseModel(directory: folder.path)
            Issue.record("it was accepted")
        } catch {
            for name in spoiled.names { #expect("\(error)".contains(name), "\(error)") }
        }
    }

    @Test("weights cut short are refused")
    func cutShort() throws {
        let folder = try TemporaryFolder()
        try TinyLlama().write(to: folder.path)
        _ = try BaseModel(directory: folder.path)
        let path = "\(folder.path)/model.safetensors"
        let bytes = try DurableFile.read(path, limit: 1 << 20)
        for count in [0, 7, 1000, bytes.count - 1] {
            try DurableFile.replace(path, with: Array(bytes.prefix(count)))
            do {
                _ = try BaseModel(directory: folder.path)
                Issue.record("\(count) bytes were accepted")
            } catch {
                #expect("\(error)".contains("model.safetensors"), "\(error)")
            }
        }
    }

    @Test("a weight that is not finite is refused when the model is built")
    func notFinite() throws {
        let folder = try TemporaryFolder()
        var model = TinyLlama()
        try model.write(to: folder.path)
        _ = try LlamaModel(BaseModel(directory: folder.path))
        let name = "model.norm.weight"
        var values = [Float](repeating: 1, count: 32)
        values[7] = .nan
        model.replace(name, with: TensorContents(name: name, shape: [32], floats: values))
        try model.write(to: folder.path)
        let base = try BaseModel(directory: folder.path)
        do {
            _ = try LlamaModel(base)
            Issue.record("it was accepted")
        } catch {
            #expect("\(error)".contains(name), "\(error)")
        }
    }

    @Test("weights in several files, and in narrower types, are read")
    func otherForms() throws {
        let tokens: [Int32] = [1, 5, 90, 33]
        let (one, several) = (try TemporaryFolder(), try TemporaryFolder())
        let model = TinyLlama()
        try model.write(to: one.path)
        try model.write(to: several.path)
        let expected = try LlamaModel(BaseModel(directory: one.path)).logits(after: tokens)

        let names = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
        try SafetensorsWriter.write(Array(model.tensors[..<9]), to: "\(several.path)/\(names[0])")
        try SafetensorsWriter.write(Array(model.tensors[9...]), to: "\(several.path)/\(names[1])")
        func index(_ second: String) -> [UInt8] {
            let places = model.tensors.enumerated().map { "\"\($1.name)\": \"\($0 < 9 ? names[0] : second)\"" }
            return Array("{\"metadata\": {}, \"weight_map\": {\(places.joined(separator: ", "))}}".utf8)
        }
        try DurableFile.replace("\(several.path)/model.safetensors.index.json", with: index(names[1]))
        #expect(try LlamaModel(BaseModel(directory: several.path)).logits(after: tokens) == expected)
        #expect(try BaseModel(directory: several.path).digest == BaseModel(directory: one.path).digest)

        // A file outside the folder, or one that is not there, is refused.
        for second in ["../\(names[1])", "model-00003-of-00003.safetensors"] {
            try DurableFile.replace("\(several.path)/model.safetensors.index.json", with: index(second))
            #expect(throws: (any Error).self) { try BaseModel(directory: several.path) }
        }

        var narrow = model
        narrow.tensors = model.tensors.map { tensor in
            let values = tensor.bytes.withUnsafeBytes { Array($0.bindMemory(to: UInt32.self)) }
            let words = values.map { UInt16(truncatingIfNeeded: $0 >> 16) }
            return TensorContents(
                name: tensor.name, type: .bf16, shape: tensor.shape,
                bytes: words.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8($0 >> 8)] })
        }
        try narrow.write(to: one.path)
        let found = try LlamaModel(BaseModel(directory: one.path)).logits(after: tokens)
        for (left, right) in zip(found.joined(), expected.joined()) { #expect(abs(left - right) < 0.1) }
        #expect(found != expected)
    }
}
