import ArgumentParser
import AggregateLogic
import StageKit

@main
struct Aggregate: StageCommand {
    static let configuration = CommandConfiguration(
        commandName: "tributary-aggregate",
        abstract: "Adds the sealed contributions of a round without opening any, and sends the sum to publish.")

    @OptionGroup var options: StageOptions

    func run() async throws { await StageMain.run(AggregateProgram.program, options: options) }
}
