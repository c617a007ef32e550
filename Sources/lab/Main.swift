import ArgumentParser
import StageKit

/// Yardsticks and generated data. Nothing here is part of a federation: the baselines read all clouds' data at once.
@main
enum Main {
    static func main() async {
        // What confines itself begins with one thread; the parser's asynchronous commands have several.
        guard CommandLine.arguments.dropFirst().first == "confinement" else { return await Lab.main() }
        ConfinementCommand.main(Array(CommandLine.arguments.dropFirst(2)))
    }
}

struct Lab: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tributary-lab",
        abstract: "Generated data, texts for the base model, and baselines outside the federation.",
        discussion: "The baselines read the data of all clouds at once, which no stage of a federation does.",
        version: Version.current,
        subcommands: [
            Generate.self, BaseTextsCommand.self, BaseModelCommand.self, Inspect.self, Baseline.self,
            CompareCommand.self, ScoreCommand.self, QualityCommand.self, ConfinementCommand.self, BenchSealing.self,
            BenchTraining.self,
        ])
}

struct Baseline: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Models outside the federation, to compare with: they read all clouds' data.",
        subcommands: [AloneCommand.self, PooledCommand.self, LogisticCommand.self])
}
