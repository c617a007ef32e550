import Foundation
import Publication
import Testing

/// Against Hugging Face PEFT itself, where a Python that has it is at hand.
struct PublishedFolderTests {
    static let python = ProcessInfo.processInfo.environment["TRIBUTARY_PYTHON"]

    /// Loads the folder into a random model of the fixture's sizes; prints the norm of what the adapter changes, the norm that
    /// its tensors say, and what PEFT calls the base.
    private let script = """
        import sys, torch
        from safetensors.torch import load_file
        from transformers import LlamaConfig, LlamaForCausalLM
        from peft import PeftModel, PeftConfig
        torch.set_num_threads(1); torch.manual_seed(0)
        base = LlamaForCausalLM(LlamaConfig(vocab_size=32, hidden_size=16, intermediate_size=24, num_hidden_layers=1,
            num_attention_heads=2, num_key_value_heads=2)).eval()
        before = base.model.layers[0].self_attn.q_proj.weight.detach().clone()
        merged = PeftModel.from_pretrained(base, sys.argv[1]).merge_and_unload()
        change = merged.model.layers[0].self_attn.q_proj.weight.detach() - before
        t = load_file(sys.argv[1] + "/adapter_model.safetensors")
        p = "base_model.model.model.layers.0.self_attn.q_proj."
        said = 4 / 2 * t[p + "lora_B.weight"] @ t[p + "lora_A.weight"]
        print((change - said).norm().item(), said.norm().item(), PeftConfig.from_pretrained(sys.argv[1]).base_model_name_or_path)
        """

    @Test(
        "A published folder, as it lies there, loads with PEFT and changes the model by B A",
        .enabled(if: python != nil, "set TRIBUTARY_PYTHON to a Python with torch, transformers and peft"))
    func loadsInPEFT() throws {
        let python = try #require(PublishedFolderTests.python)
        try Fixtures.withDirectory { directory in
            let store = try ReleaseStore(directory: directory, key: Fixtures.key())
            let folder = try store.publish(Fixtures.draft(round: 1))
            let outcome = try Fixtures.run(python, ["-c", script, folder], in: directory)
            #expect(outcome.status == 0, "\(outcome.output)")
            let last = try #require(outcome.output.split(separator: "\n").last)
            let words = last.split(separator: " ").map(String.init)
            try #require(words.count == 3)
            #expect(try #require(Double(words[0])) < 1e-5)
            #expect(
                try #require(Double(words[1])) > 0.01, "the adapter must matter for the comparison to mean anything")
            #expect(words[2] == "example/tiny-llama")
            #expect(ReleaseVerification.verify(folder).isSound, "loading must not change the folder")
        }
    }
}
