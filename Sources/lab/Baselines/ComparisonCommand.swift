import ArgumentParser
import Gzip
import Topology

/// What every command that trains a baseline asks for.
struct ComparisonOptions: ParsableArguments {
    @Argument(help: "The topology file: its ingest configs name the tables, its publish config the recipe.")
    var topology: String
    @Option(help: "truth.csv of the generator, for the Bayes AUROC.") var truth: String?
    @Option(help: "Write every stay's scores and the intervals to this JSON file.") var out: String?
    @Flag(help: "No lines about progress.") var quiet = false

    func compare(_ parts: Set<Comparison.Part>, adapter: String? = nil) async throws {
        let isQuiet = quiet
        let progress: @Sendable (String) -> Void = { text in if !isQuiet { ProgressLine.write(text) } }
        let data = try CloudData(try Topology.load(topology), progress: progress)
        let comparison = Comparison(data: data, baseline: try FineTunedBaseline(data.plan), progress: progress)
        let board = try await comparison.run(parts, adapter: adapter, truth: truth)
        if let out {
            let sink = try FileSink(path: out, packed: false)
            try sink.write(Array(try board.encoded()))
            try sink.finish()
        }
        print(board.text, terminator: "")
    }
}

struct AloneCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "alone",
        abstract: "Each cloud's own model, by the federation's recipe, stopped early on its own validation patients.",
        discussion: "Outside the federation: reads all clouds' data. AUROC on the held-out patients of all clouds.")

    @OptionGroup var options: ComparisonOptions

    func run() async throws { try await options.compare([.base, .alone]) }
}

struct PooledCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pooled",
        abstract:
            "One model on all clouds' data in one place, as many steps as the federation's rounds, stopped early.",
        discussion: "Outside the federation: reads all clouds' data. AUROC on the held-out patients of all clouds.")

    @OptionGroup var options: ComparisonOptions

    func run() async throws { try await options.compare([.base, .pooled]) }
}

struct CompareCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare",
        abstract: "A federation's adapter beside its base, the clouds alone, all data pooled and logistic regression.",
        discussion: "Outside the federation: reads all clouds' data. Paired bootstrap intervals by patient.")

    @OptionGroup var options: ComparisonOptions
    @Option(help: "The federation's released folder.") var adapter: String?

    func run() async throws { try await options.compare(Set(Comparison.Part.allCases), adapter: adapter) }
}

struct ScoreCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "score",
        abstract: "The AUROC of each of a federation's releases on the held-out patients of all clouds.",
        discussion: "Outside the federation: reads all clouds' data. One line a folder: the AUROC, then the folder.")

    @Argument(help: "The topology file: its ingest configs name the tables, its publish config the recipe.")
    var topology: String
    @Argument(help: "Released folders.") var adapters: [String]

    func run() async throws {
        let data = try CloudData(try Topology.load(topology)) { _ in }
        let comparison = Comparison(data: data, baseline: try FineTunedBaseline(data.plan)) { _ in }
        for (adapter, auroc) in zip(adapters, try comparison.aurocs(of: adapters)) { print("\(auroc) \(adapter)") }
    }
}
