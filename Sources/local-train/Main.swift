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
        await StageMain.run(.localTrain, options: options, configuration: LocalTrainConfiguration.self) { parts in
            let trainer: any Trainer =
                switch parts.configuration.trainer {
                case .none: EmptyTrainer(cloud: parts.context.stage.cloud)
                case .lora: try LoRATrainer(parts.configuration)
                }
            return LocalTrainStage(
                context: parts.context, trainer: trainer, needsShards: parts.configuration.trainer == .lora)
        }
    }
}
