import Adapter
import Federation
import JSONText
import Safetensors
import Testing

struct WholeModelTests {
    private let tokenizer = ["tokenizer.json": Array("{}".utf8)]

    private func configuration() throws -> AdapterConfiguration {
        try AdapterConfiguration(everyWeightOf: "tiny-llama", seed: 7)
    }

    @Test("Where every weight is trained the layout is that of the base model, embedding to last norm")
    func layout() throws {
        let base = try Fixtures.base()
        let layout = try configuration().layout(of: base, range: 0.5)
        #expect(
            layout.segments.prefix(6).map(\.name) == [
                "model.embed_tokens.weight", "model.layers.0.input_layernorm.weight",
                "model.layers.0.self_attn.q_proj.weight", "model.layers.0.self_attn.k_proj.weight",
                "model.layers.0.self_attn.v_proj.weight", "model.layers.0.self_attn.o_proj.weight",
            ])
        #expect(layout.segments.prefix(4).map(\.shape) == [[64, 32], [32], [32, 32], [16, 32]])
        // The output projection is the embedding: it is trained once.
        #expect(layout.segments.last?.name == "model.norm.weight")
        let layer = 32 + 32 * 32 + 16 * 32 + 16 * 32 + 32 * 32 + 32 + 3 * 48 * 32
        #expect(layout.count == 64 * 32 + 2 * layer + 32 && layout.count == LlamaWeights.count(of: base))
        let apart = try Fixtures.base(
            Fixtures.config.replacing("\"tie_word_embeddings\": true", with: "\"tie_word_embeddings\": false"))
        #expect(try configuration().layout(of: apart, range: 1).segments.last?.name == "lm_head.weight")
    }

    @Test("A model of more weights than any run takes is refused, and what only an adapter has")
    func refused() throws {
        let large = try Fixtures.base(Fixtures.config.replacing("\"vocab_size\": 64", with: "\"vocab_size\": 1000000"))
        #expect { try configuration().layout(of: large, range: 1) } throws: { "\($0)".contains("at most 16777216") }
        #expect(throws: AdapterError.self) { try Fixtures.configuration(trains: .full) }
        #expect(throws: AdapterError.self) { try LowRankAdapter(initial: configuration(), base: Fixtures.base()) }
        let plan = try configuration().plan(baseDigest: "", tokenizerDigest: "")
        #expect(try AdapterConfiguration(plan) == configuration())
    }

    @Test("It is written as a model folder, in f32 whatever the base model was stored in")
    func files() throws {
        let values = Fixtures.values(try LlamaWeights.count(of: Fixtures.base()))
        for (config, key) in [
            (Fixtures.config.replacing("\"dtype\": \"float32\"", with: "\"dtype\": \"bfloat16\""), "dtype"),
            (Fixtures.config.replacing("\"dtype\": \"float32\"", with: "\"torch_dtype\": \"float16\""), "torch_dtype"),
            (Fixtures.config.replacing("\"dtype\": \"float32\", ", with: ""), "torch_dtype"),
        ] {
            let model = try WholeModel(
                baseModelName: "tiny", config: Array(config.utf8), tokenizer: tokenizer, values: values)
            let files = try model.files()
            #expect(files.keys.sorted() == ["config.json", "model.safetensors", "tokenizer.json"])
            let text = try #require(files["config.json"])
            #expect(try JSONField(JSON(text)).member(key).string() == "float32")
            #expect(try BaseModelShape(configJSON: text) == BaseModelShape(configJSON: Array(config.utf8)))
            let weights = try SafetensorsFile(bytes: try #require(files["model.safetensors"]))
            let read = try LlamaWeights.entries(of: model.shape).flatMap { try weights.floats($0.name) }
            #expect(read == values && weights.tensors.count == LlamaWeights.entries(of: model.shape).count)
        }
    }

    @Test("Weights that are too few, or not finite, and files that are no tokenizer's are refused")
    func spoiled() throws {
        let values = Fixtures.values(try LlamaWeights.count(of: Fixtures.base()))
        func make(_ values: [Float], _ files: [String: [UInt8]]) throws -> WholeModel {
            try WholeModel(baseModelName: "tiny", config: Array(Fixtures.config.utf8), tokenizer: files, values: values)
        }
        #expect(throws: Never.self) { try make(values, tokenizer) }
        #expect { try make(Array(values.dropLast()), tokenizer) } throws: { "\($0)".contains("weights, found") }
        #expect { try make(values.dropLast() + [.nan], tokenizer) } throws: { "\($0)".contains("not finite") }
        #expect(throws: AdapterError.self) { try make(values, [:]) }
        #expect(throws: AdapterError.self) { try make(values, tokenizer.merging(["../x": []]) { $1 }) }
    }
}
