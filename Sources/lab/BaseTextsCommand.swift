import ArgumentParser
import Corpus
import Gzip
import Tokenization

struct BaseTextsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "base-texts",
        abstract: "Writes the base model's tokenizer.json and the generated texts to train it on.")

    @Option(help: "configs/variables.yaml of the federation.") var variables = "configs/variables.yaml"
    @Option(help: "Draws other texts.") var seed: UInt64 = 1
    @Option(help: "How many texts.") var count = 20_000
    @Option(help: "The folder to write into; it must exist.") var out: String

    func validate() throws {
        guard (1...10_000_000).contains(count) else {
            throw ValidationError("--count: expected 1 to 10000000, found \(count)")
        }
    }

    func run() throws {
        let vocabulary = BaseVocabulary(variables: try VariableTable.read(at: variables))
        try write(vocabulary.tokenizerJSON(), to: "\(out)/tokenizer.json")
        try write(vocabulary.tokenizerConfigurationJSON(), to: "\(out)/tokenizer_config.json")
        try BaseTexts(vocabulary: vocabulary, seed: seed).shard(count).write(to: "\(out)/base-texts.safetensors")
        print("\(out): \(vocabulary.count) tokens, \(count) texts")
    }

    private func write(_ bytes: [UInt8], to path: String) throws {
        let sink = try FileSink(path: path, packed: false)
        try sink.write(bytes)
        try sink.finish()
    }
}
