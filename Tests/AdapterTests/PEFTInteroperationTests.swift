import Adapter
import Federation
import Foundation
import Testing

/// Against Hugging Face PEFT itself, where a Python that has it is at hand.
struct PEFTInteroperationTests {
    static let python = ProcessInfo.processInfo.environment["TRIBUTARY_PYTHON"]

    private func run(_ script: String, _ arguments: [String]) throws -> String {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: try #require(PEFTInteroperationTests.python))
        process.arguments = ["-c", script] + arguments
        let output = Pipe()
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        let text = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        return String(decoding: text, as: UTF8.self)
    }

    /// Makes a random tiny Llama in `base` and an adapter of PEFT's own making in `theirs`.
    private let make = """
        import sys, torch
        from transformers import LlamaConfig, LlamaForCausalLM
        from peft import LoraConfig, get_peft_model
        torch.set_num_threads(1); torch.manual_seed(0)
        root = sys.argv[1]
        model = LlamaForCausalLM(LlamaConfig(vocab_size=64, hidden_size=32, intermediate_size=48, num_hidden_layers=2,
            num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=64, tie_word_embeddings=True))
        model.save_pretrained(root + "/base")
        lora = LoraConfig(r=4, lora_alpha=8, target_modules=["v_proj", "q_proj", "down_proj"], task_type="CAUSAL_LM",
            init_lora_weights=False)
        get_peft_model(model, lora).save_pretrained(root + "/theirs")
        """

    /// Loads our folder with PEFT, unchanged, and holds its logits against W + (alpha / r) B A put together by hand from the
    /// tensors in our file; prints the largest difference, the largest change that the adapter makes, and PEFT's warnings.
    private let load = """
        import sys, warnings, torch
        from safetensors.torch import load_file
        from transformers import LlamaForCausalLM
        from peft import PeftModel
        torch.set_num_threads(1)
        root = sys.argv[1]
        tokens = torch.arange(24).reshape(2, 12) % 64
        base = LlamaForCausalLM.from_pretrained(root + "/base").eval()
        with torch.no_grad():
            before = base(tokens).logits
            merged = LlamaForCausalLM.from_pretrained(root + "/base").eval()
            t = load_file(root + "/ours/adapter_model.safetensors")
            for name, module in merged.named_modules():
                a = t.get("base_model.model." + name + ".lora_A.weight")
                if a is not None:
                    module.weight += 8 / 4 * t["base_model.model." + name + ".lora_B.weight"] @ a
            by_hand = merged(tokens).logits
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                peft = PeftModel.from_pretrained(base, root + "/ours").eval()
            missing = [w for w in caught if "missing" in str(w.message).lower() or "unexpected" in str(w.message).lower()]
            loaded = peft(tokens).logits
        print((loaded - by_hand).abs().max().item(), (loaded - before).abs().max().item(), len(missing))
        """

    @Test(
        "PEFT loads our folder unchanged and computes what its tensors say; we read PEFT's own folder",
        .enabled(if: python != nil, "set TRIBUTARY_PYTHON to a Python with torch, transformers and peft"))
    func loadsInPEFT() throws {
        try Fixtures.withDirectory { root in
            _ = try run(make, [root])
            let config = try Data(contentsOf: URL(fileURLWithPath: "\(root)/base/config.json"))
            let base = try BaseModelShape(configJSON: Array(config))
            #expect(try base == Fixtures.base())

            let theirs = try PEFTFolder.read("\(root)/theirs", base: base)
            #expect(theirs.configuration.targets == [.q, .v, .down] && theirs.configuration.trains == .both)
            #expect(theirs.b.allSatisfy { $0.contains { $0 != 0 } })

            let configuration = try Fixtures.configuration()
            let count = try configuration.layout(of: base, range: 1).count
            let ours = try LowRankAdapter(configuration: configuration, base: base, trained: Fixtures.values(count))
            try FileManager.default.createDirectory(atPath: "\(root)/ours", withIntermediateDirectories: false)
            try PEFTFolder.write(ours, to: "\(root)/ours")
            let figures = try run(load, [root]).split(separator: " ").map {
                Double($0.trimmingCharacters(in: .newlines))
            }
            let difference = try #require(figures.first ?? nil)
            let change = try #require(figures.dropFirst().first ?? nil)
            #expect(difference < 1e-5)
            #expect(change > 0.01, "the adapter must matter for the comparison to mean anything")
            #expect(figures.last == 0, "PEFT warned of missing or unexpected keys")
        }
    }
}
