import ArgumentParser
import IngestLogic
import StageKit

@main
struct IngestCommand: StageCommand {
    static let configuration = CommandConfiguration(
        commandName: "tributary-ingest",
        abstract: "Reads a cloud's tables, takes part in the statistics round, and hands token shards to local-train.")

    @OptionGroup var options: StageOptions

    func run() async throws { await StageMain.run(IngestProgram.program, options: options) }
}
