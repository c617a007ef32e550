import ArgumentParser
import Federation
import Publication
import StageKit

@main
struct Publish: StageCommand {
    static let configuration = CommandConfiguration(
        commandName: "tributary-publish",
        abstract: "Opens rounds, opens the sum of each, and publishes the adapter as a signed PEFT folder.")

    @OptionGroup var options: StageOptions

    func run() async throws {
        let program = StageProgram(
            .publish, configuration: PublishConfiguration.self, prepare: { try KeyChoice($0) }, rehearse: { _, _ in },
            make: { try PublishStage($0, keys: $1) })
        await StageMain.run(program, options: options)
    }
}
