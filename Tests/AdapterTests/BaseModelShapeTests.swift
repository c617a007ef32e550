import Adapter
import Testing

struct BaseModelShapeTests {
    @Test("A config of transformers 5 gives its sizes")
    func readsCurrentConfig() throws {
        let base = try Fixtures.base()
        #expect(base.hidden == 32 && base.intermediate == 48 && base.layers == 2)
        #expect(base.heads == 4 && base.kvHeads == 2 && base.headDim == 8)
        #expect(base.vocabulary == 64 && base.tiesEmbeddings && base.maximumPositions == 64)
        #expect(base.ropeTheta == 10_000 && base.normEpsilon == 1e-6)
    }

    @Test("An older config states rope_theta at the top and leaves head_dim out")
    func readsOlderConfig() throws {
        let base = try Fixtures.base(
            """
            {"model_type": "llama", "hidden_size": 64, "intermediate_size": 172, "num_hidden_layers": 5,
             "num_attention_heads": 8, "num_key_value_heads": 4, "vocab_size": 512, "rope_theta": 500000.0,
             "rope_scaling": null, "some_future_key": {"a": 1}}
            """)
        #expect(base.headDim == 8 && base.ropeTheta == 500_000 && !base.tiesEmbeddings && base.normEpsilon == 1e-6)
    }

    @Test(
        "A config that asks for what is not computed here, or does not add up, is refused with the field's name",
        arguments: [
            ("\"model_type\": \"llama\"", "\"model_type\": \"gpt2\"", "model_type"),
            ("\"hidden_act\": \"silu\"", "\"hidden_act\": \"gelu\"", "hidden_act"),
            ("\"attention_bias\": false", "\"attention_bias\": true", "attention_bias"),
            ("\"rope_type\": \"default\"", "\"rope_type\": \"llama3\"", "rope_parameters.rope_type"),
            ("\"pad_token_id\": null", "\"rope_scaling\": {\"factor\": 8}", "rope_scaling"),
            ("\"pad_token_id\": null", "\"quantization_config\": {}", "quantization_config"),
            ("\"hidden_size\": 32", "\"hidden_size\": 0", "hidden_size"),
            ("\"hidden_size\": 32", "\"hidden_size\": 1e9", "hidden_size"),
            ("\"hidden_size\": 32,", "", "hidden_size"),
            ("\"num_key_value_heads\": 2", "\"num_key_value_heads\": 3", "multiple"),
            ("\"head_dim\": 8", "\"head_dim\": 7", "head_dim"),
            ("\"vocab_size\": 64", "\"vocab_size\": \"64\"", "vocab_size"),
        ])
    func refuses(_ found: String, _ replacement: String, _ named: String) throws {
        #expect(Fixtures.config.contains(found))
        #expect(throws: Never.self) { try Fixtures.base() }
        let spoiled = Fixtures.config.split(separator: found, maxSplits: 1).joined(separator: replacement)
        let error = #expect(throws: AdapterError.self) { try Fixtures.base(spoiled) }
        #expect(error?.description.contains(named) == true)
    }
}
