import ArgumentParser
import Corpus
import Federation
import StageKit

@main
struct IngestCommand: StageCommand {
    static let configuration = CommandConfiguration(
        commandName: "tributary-ingest",
        abstract: "Reads a cloud's tables, takes part in the statistics round, and hands token shards to local-train.")

    @OptionGroup var options: StageOptions

    func run() async throws {
        let program = StageProgram(.ingest, configuration: IngestConfiguration.self) { parts in IngestStage(parts) }
        await StageMain.run(program, options: options)
    }
}
