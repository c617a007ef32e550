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
        await StageMain.run(.publish, options: options, configuration: PublishConfiguration.self) { parts in
            try PublishStage(parts)
        }
    }
}
