import ArgumentParser
import IngestLogic
import StageKit

@main
enum Main {
    static func main() async { await StageMain.run(IngestCommand.begin(IngestProgram.program)) }
}

struct IngestCommand: StageCommand {
    static let configuration = CommandConfiguration(
        commandName: "tributary-ingest",
        abstract: "Reads a cloud's tables, takes part in the statistics round, and hands token shards to local-train.",
        version: Version.current)

    @OptionGroup var options: StageOptions
}
