import Adapter
import ArgumentParser
import FineTuning
import Glibc
import Tokenization

/// Writes a random model, an adapter and a shard into a folder, and trains on them as it is told, so that a benchmark can
/// alternate with another program on the same files.
struct BenchTraining: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench-training",
        abstract: "Measures training on one thread: a line of tokens per second for each line of standard input.",
        discussion: "Lines: `answers` (the loss of each example's answer alone), `all` (of every token).",
        shouldDisplay: false)

    @Option var folder: String
    @Option var hidden = 128
    @Option var intermediate = 344
    @Option var layers = 2
    @Option var heads = 4
    @Option var vocabulary = 512
    @Option var shortest = 14
    @Option var longest = 26
    @Option var batch = 32
    @Option var steps = 60

    func run() throws {
        for name in ["base", "adapter"] {
            guard mkdir("\(folder)/\(name)", 0o755) == 0 || errno == EEXIST else {
                throw ValidationError("\(folder)/\(name): \(String(cString: strerror(errno)))")
            }
        }
        var state: UInt64 = 88_172_645_463_325_252
        func draw(below limit: Int) -> Int {
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return Int(state >> 33) % limit
        }
        let examples = (0..<batch * 12).map { _ in
            (0..<shortest + draw(below: longest - shortest + 1)).map { _ in Int32(draw(below: vocabulary)) }
        }
        let tokenizer = Array("{}".utf8)
        let shard = try TokenShard(
            examples: examples, answer: examples.map { Int32($0.count - 1) }, label: examples.map { _ in 0 },
            split: .train, tokenizer: BaseModelTraining.digest(of: tokenizer), cloud: "bench")
        try shard.write(to: "\(folder)/shard.safetensors")
        // The weights do not matter: one step that is too small to be seen writes those that training starts from.
        let recipe = BaseModelRecipe(
            vocabulary: vocabulary, hidden: hidden, intermediate: intermediate, layers: layers, heads: heads,
            kvHeads: heads, seed: 1)
        _ = try BaseModelTraining.run(
            recipe, on: shard,
            TrainingSettings(
                steps: 1, batchSize: 1, learningRate: .constant(1e-30), optimizer: OptimizerSettings(), seed: 1),
            tokenizerJSON: tokenizer, to: "\(folder)/base")
        let base = try BaseModel(directory: "\(folder)/base")
        let configuration = try AdapterConfiguration(
            rank: 16, alpha: 32, targets: Set(Projection.allCases), seed: 1, baseModelName: "bench")
        try PEFTFolder.write(LowRankAdapter(initial: configuration, base: base.shape), to: "\(folder)/adapter")
        print("ready")
        flush()
        while let line = readLine() {
            let target: LossTarget =
                switch line {
                case "answers": .answers
                case "all": .everyToken
                default: throw ValidationError("\"\(line)\": expected answers or all")
                }
            let tuner = try FineTuner(base: base, adapter: configuration, loss: target)
            func settings(_ steps: Int) throws -> TrainingSettings {
                try TrainingSettings(
                    steps: steps, batchSize: batch, learningRate: .constant(1e-3), optimizer: OptimizerSettings(),
                    seed: 1)
            }
            _ = try tuner.train(shard, settings(5))
            print(try tuner.train(shard, settings(steps)).tokensPerSecond)
            flush()
        }
    }
}
