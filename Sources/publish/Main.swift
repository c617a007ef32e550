import ArgumentParser
import PublishLogic
import StageKit

@main
enum Main {
    static func main() async { await StageMain.run(Publish.begin(PublishProgram.program)) }
}

struct Publish: StageCommand {
    static let configuration = CommandConfiguration(
        commandName: "tributary-publish",
        abstract: "Opens rounds, opens the sum of each, and publishes the adapter as a signed PEFT folder.",
        version: Version.current)

    @OptionGroup var options: StageOptions
}
