import ArgumentParser
import Corpus
import FineTuning
import Glibc
import Gzip
import Tokenization

struct BaseModelCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "base-model",
        abstract: "Trains the small public base model on generated texts, which are no cloud's data.",
        discussion: "The committed models/base is what the defaults make (docs/generator.md).")

    @Option(help: "configs/variables.yaml of the federation.") var variables = "configs/variables.yaml"
    @Option(help: "Draws other texts and other first weights.") var seed: UInt64 = 1
    @Option(help: "How many texts.") var count = 100_000
    @Option(help: "Optimiser steps.") var steps = 3000
    @Option(help: "Texts in a batch.") var batchSize = 64
    @Option(help: "The highest learning rate; it falls along half a cosine.") var learningRate = 2e-3
    @Option(help: "The folder to write into.") var out = "models/base"

    func run() throws {
        let vocabulary = BaseVocabulary(variables: try VariableTable.read(at: variables))
        let shard = try BaseTexts(vocabulary: vocabulary, seed: seed).shard(count)
        try makeFolder()
        let recipe = BaseModelRecipe(vocabulary: vocabulary.count, seed: seed)
        let settings = try TrainingSettings(
            steps: steps, batchSize: batchSize,
            learningRate: .cosine(peak: learningRate, warmup: min(20, steps / 10), floor: 0.1),
            optimizer: OptimizerSettings(), seed: seed)
        let report = try BaseModelTraining.run(
            recipe, on: shard, settings, tokenizerJSON: vocabulary.tokenizerJSON(), to: out
        ) { progress in
            guard progress.step % 25 == 0 || progress.step == progress.steps else { return }
            let left = Int(progress.timeLeft / .seconds(1))
            print("step \(progress.step) of \(progress.steps), loss \(progress.loss), \(left) s left")
        }
        let sink = try FileSink(path: "\(out)/tokenizer_config.json", packed: false)
        try sink.write(vocabulary.tokenizerConfigurationJSON())
        try sink.finish()
        print("\(out): \(vocabulary.count) tokens, \(Int(report.tokensPerSecond)) tokens/s")
    }

    private func makeFolder() throws {
        var path = out.hasPrefix("/") ? "" : "."
        for part in out.split(separator: "/") {
            path += "/\(part)"
            if mkdir(path, 0o755) != 0, errno != EEXIST {
                throw ValidationError("\(path): cannot be made: \(String(cString: strerror(errno)))")
            }
        }
    }
}
