import Adapter
import Federation
import Foundation
import JSONText
import Safetensors
import Testing

struct PEFTFolderTests {
    private func adapter(_ trains: AdapterConfiguration.Trains = .b) throws -> LowRankAdapter {
        let base = try Fixtures.base()
        let configuration = try Fixtures.configuration(trains: trains)
        let count = try configuration.layout(of: base, range: 1).count
        return try LowRankAdapter(configuration: configuration, base: base, trained: Fixtures.values(count))
    }

    @Test("A folder reads back as the adapter it was written from", arguments: [AdapterConfiguration.Trains.b, .both])
    func roundTrips(_ trains: AdapterConfiguration.Trains) throws {
        let adapter = try adapter(trains)
        try Fixtures.withDirectory { directory in
            try PEFTFolder.write(adapter, to: directory)
            #expect(try PEFTFolder.read(directory, base: Fixtures.base()) == adapter)
            try PEFTFolder.write(adapter, to: directory)  // over itself
            let names = try FileManager.default.contentsOfDirectory(atPath: directory)
            #expect(names.sorted() == ["adapter_config.json", "adapter_model.safetensors"])
        }
    }

    @Test("The same adapter gives the same bytes")
    func isDeterministic() throws {
        #expect(try PEFTFolder.encode(adapter()) == PEFTFolder.encode(adapter()))
    }

    @Test("A spoiled adapter_config.json is refused with the field's name; the unspoiled one is accepted")
    func refusesSpoiledConfig() throws {
        let files = try PEFTFolder.encode(adapter())
        let config = try #require(files[PEFTFolder.configName])
        let weights = try #require(files[PEFTFolder.weightsName])
        guard case .object(let members) = try JSON(config) else { throw JSONError(.field(""), "not an object") }
        let base = try Fixtures.base()
        #expect(throws: Never.self) { try PEFTFolder.decode(config: config, weights: weights, base: base) }
        let spoiled: [(String, JSON)] = [
            ("peft_type", .string("LOHA")), ("task_type", .string("SEQ_CLS")), ("bias", .string("all")),
            ("use_dora", .bool(true)), ("use_rslora", .bool(true)), ("fan_in_fan_out", .bool(true)),
            ("rank_pattern", .object(["q_proj": .integer(8)])), ("modules_to_save", .array([.string("lm_head")])),
            ("layers_to_transform", .array([.integer(0)])), ("variant_of_tomorrow", .object(["x": .integer(1)])),
            ("r", .integer(0)), ("r", .integer(8)), ("lora_alpha", .string("8")),
            ("target_modules", .string("all-linear")),
            ("target_modules", .array([.string("lm_head")])), ("target_modules", .array([.string("q_proj")])),
        ]
        for (name, value) in spoiled {
            let json = try JSON.object(members.merging([name: value]) { $1 }).encoded()
            #expect(throws: AdapterError.self, "\(name) = \(value)") {
                try PEFTFolder.decode(config: json, weights: weights, base: base)
            }
        }
        // A later PEFT's key that is off, and its own version, change nothing.
        let later = members.merging(["variant_of_tomorrow": .null, "peft_version": .string("9.9")]) { $1 }
        #expect(throws: Never.self) {
            try PEFTFolder.decode(config: JSON.object(later).encoded(), weights: weights, base: base)
        }
    }

    @Test("Spoiled weights are refused; the unspoiled ones are accepted")
    func refusesSpoiledWeights() throws {
        let adapter = try adapter()
        let base = try Fixtures.base()
        let config = try #require(try PEFTFolder.encode(adapter)[PEFTFolder.configName])
        let metadata = ["format": "pt", "tributary.seed": "7", "tributary.trains": "b"]
        func decode(_ tensors: [TensorContents], _ metadata: [String: String] = metadata) throws {
            let weights = try SafetensorsWriter.encode(tensors, metadata: metadata)
            _ = try PEFTFolder.decode(config: config, weights: weights, base: base)
        }
        let good = adapter.tensors
        let first = good[0]
        #expect(throws: Never.self) { try decode(good) }
        #expect(throws: AdapterError.self, "a tensor is missing") { try decode(Array(good.dropLast())) }
        #expect(throws: AdapterError.self, "one too many") {
            try decode(good + [TensorContents(name: "lm_head.weight", shape: [1], floats: [1])])
        }
        #expect(throws: AdapterError.self, "another shape") {
            try decode(
                [TensorContents(name: first.name, type: .f32, shape: [32, 4], bytes: first.bytes)] + good.dropFirst())
        }
        #expect(throws: AdapterError.self, "another type") {
            try decode(
                [TensorContents(name: first.name, type: .i32, shape: first.shape, bytes: first.bytes)]
                    + good.dropFirst())
        }
        let count = first.bytes.count / 4
        #expect(throws: AdapterError.self, "not finite") {
            let values = [Float.infinity] + [Float](repeating: 0, count: count - 1)
            try decode([TensorContents(name: first.name, shape: first.shape, floats: values)] + good.dropFirst())
        }
        let foreignA = TensorContents(name: first.name, shape: first.shape, floats: Fixtures.values(count))
        #expect(throws: AdapterError.self, "an A that the seed does not make") {
            try decode([foreignA] + good.dropFirst())
        }
        #expect(throws: Never.self, "without a seed, A is whatever it is") {
            try decode([foreignA] + good.dropFirst(), ["format": "pt"])
        }
        #expect(throws: AdapterError.self) { try decode(good, ["tributary.seed": "seven", "tributary.trains": "b"]) }
        #expect(throws: AdapterError.self) { try decode(good, ["tributary.seed": "7"]) }
        #expect(throws: AdapterError.self) { try PEFTFolder.decode(config: config, weights: [1, 2, 3], base: base) }
    }
}
