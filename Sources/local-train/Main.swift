import ArgumentParser
import LocalTrainLogic
import StageKit

@main
enum Main {
    static func main() async { await StageMain.run(LocalTrain.begin(LocalTrainProgram.program)) }
}

struct LocalTrain: StageCommand {
    static let configuration = CommandConfiguration(
        commandName: "tributary-local-train",
        abstract: "Trains the round's adapter on this cloud's token shards, and scores the held-out ones.",
        version: Version.current)

    @OptionGroup var options: StageOptions
}
