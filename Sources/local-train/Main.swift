import ArgumentParser
import LocalTrainLogic
import StageKit

@main
struct LocalTrain: StageCommand {
    static let configuration = CommandConfiguration(
        commandName: "tributary-local-train",
        abstract: "Trains the round's adapter on this cloud's token shards, and scores the held-out ones.")

    @OptionGroup var options: StageOptions

    func run() async throws { await StageMain.run(LocalTrainProgram.program, options: options) }
}
