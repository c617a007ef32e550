import Adapter
import FineTuning
import Foundation
import Safetensors
import Testing
import Tokenization

/// Tokens per second beside transformers + PEFT on one thread, in alternation on the same machine:
///
///     TRIBUTARY_BENCH=1 TRIBUTARY_PYTHON=... swift test -c release --skip-build --filter SpeedTests
@Suite(
    "Training speed", .serialized,
    .enabled(
        if: python != nil && ProcessInfo.processInfo.environment["TRIBUTARY_BENCH"] != nil,
        "set TRIBUTARY_BENCH, and TRIBUTARY_PYTHON to a python with torch, transformers and peft"))
struct SpeedTests {
    struct Size: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let hidden: Int
        let intermediate: Int
        let layers: Int
        let heads: Int
        let vocabulary: Int
        let lengths: ClosedRange<Int>
        let batch: Int
        let steps: Int
    }

    static let sizes = [
        Size(
            testDescription: "2 layers, d=128, about 20 tokens, batch 32", hidden: 128, intermediate: 344, layers: 2,
            heads: 4, vocabulary: 512, lengths: 14...26, batch: 32, steps: 60),
        Size(
            testDescription: "6 layers, d=384, about 64 tokens, batch 16", hidden: 384, intermediate: 1024, layers: 6,
            heads: 6, vocabulary: 8192, lengths: 48...80, batch: 16, steps: 8),
    ]

    private func peer(_ folder: TemporaryFolder, _ mode: String, _ size: Size) throws -> Double {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: python ?? "")
        let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("Reference/peft_speed.py")
        process.arguments = [script.path, folder.path, mode, "\(size.steps)", "\(size.batch)"]
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return try #require(Double(text.trimmingCharacters(in: .whitespacesAndNewlines)))
    }

    @Test("is measured against PEFT", arguments: sizes)
    func speed(size: Size) throws {
        let folder = try TemporaryFolder()
        for name in ["base", "adapter"] {
            try FileManager.default.createDirectory(
                atPath: "\(folder.path)/\(name)", withIntermediateDirectories: true)
        }
        var draws = Draws(3)
        let examples = (0..<size.batch * 12).map { _ in
            (0..<size.lengths.lowerBound + draws.below(size.lengths.count)).map { _ in
                Int32(draws.below(size.vocabulary))
            }
        }
        func shard(_ tokenizer: String) throws -> TokenShard {
            try TokenShard(
                examples: examples, answer: examples.map { Int32($0.count - 1) }, label: examples.map { _ in 0 },
                split: .train, tokenizer: tokenizer, cloud: "north")
        }
        // The weights do not matter: one step that is too small to be seen writes those that training starts from.
        let recipe = BaseModelRecipe(
            vocabulary: size.vocabulary, hidden: size.hidden, intermediate: size.intermediate, layers: size.layers,
            heads: size.heads, kvHeads: size.heads, seed: 1)
        let tokenizer = Array("{}".utf8)
        _ = try BaseModelTraining.run(
            recipe, on: shard(BaseModelTraining.digest(of: tokenizer)),
            TrainingSettings(
                steps: 1, batchSize: 1, learningRate: .constant(1e-30), optimizer: OptimizerSettings(), seed: 1),
            tokenizerJSON: tokenizer, to: "\(folder.path)/base")
        let base = try BaseModel(directory: "\(folder.path)/base")
        let configuration = try AdapterConfiguration(
            rank: 16, alpha: 32, targets: Set(Projection.allCases), seed: 1, baseModelName: "bench")
        try PEFTFolder.write(
            LowRankAdapter(initial: configuration, base: base.shape), to: "\(folder.path)/adapter")
        let own = try shard(BaseModelTraining.digest(of: tokenizer))
        try own.write(to: "\(folder.path)/shard.safetensors")

        func ours(_ target: LossTarget) throws -> Double {
            let tuner = try FineTuner(base: base, adapter: configuration, loss: target)
            func settings(_ steps: Int) throws -> TrainingSettings {
                try TrainingSettings(
                    steps: steps, batchSize: size.batch, learningRate: .constant(1e-3), optimizer: OptimizerSettings(),
                    seed: 1)
            }
            _ = try tuner.train(own, settings(5))
            return try tuner.train(own, settings(size.steps)).tokensPerSecond
        }
        print("\(size.testDescription): tokens per second, one thread")
        for round in 1...3 {
            for (mode, target) in [("labels", LossTarget.answers), ("answers", .answers), ("all", .everyToken)] {
                let (found, expected) = (try ours(target), try peer(folder, mode, size))
                print(
                    "round \(round), PEFT \(mode): ours \(Int(found)), PEFT \(Int(expected)), ratio "
                        + String(format: "%.2f", found / expected))
                #expect(found > 0 && expected > 0)
            }
        }
    }
}
