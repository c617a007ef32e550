import ArgumentParser
import Federation
import FineTuning
import StageKit
import Tokenization

@main
struct LocalTrain: StageCommand {
    static let configuration = CommandConfiguration(
        commandName: "tributary-local-train",
        abstract: "Trains the round's adapter on this cloud's token shards, and scores the held-out ones.")

    @OptionGroup var options: StageOptions

    func run() async throws {
        let program = StageProgram(
            .localTrain, configuration: LocalTrainConfiguration.self,
            prepare: { ground -> any Trainer in
                switch ground.configuration.trainer {
                case .none: EmptyTrainer(cloud: ground.stage.cloud)
                case .lora: try LoRATrainer(ground.configuration)
                }
            },
            rehearse: { try $1.rehearse() },
            make: { parts, trainer in
                LocalTrainStage(
                    context: parts.context, trainer: trainer, needsShards: parts.configuration.trainer == .lora)
            })
        await StageMain.run(program, options: options)
    }
}
