import ArgumentParser
import AggregateLogic
import StageKit

@main
enum Main {
    static func main() async { await StageMain.run(Aggregate.begin(AggregateProgram.program)) }
}

struct Aggregate: StageCommand {
    static let configuration = CommandConfiguration(
        commandName: "tributary-aggregate",
        abstract: "Adds the sealed contributions of a round without opening any, and sends the sum to publish.",
        version: Version.current)

    @OptionGroup var options: StageOptions
}
