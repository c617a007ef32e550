import ArgumentParser
import PublishLogic
import StageKit

@main
struct Publish: StageCommand {
    static let configuration = CommandConfiguration(
        commandName: "tributary-publish",
        abstract: "Opens rounds, opens the sum of each, and publishes the adapter as a signed PEFT folder.")

    @OptionGroup var options: StageOptions

    func run() async throws { await StageMain.run(PublishProgram.program, options: options) }
}
