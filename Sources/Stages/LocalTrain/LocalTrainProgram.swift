internal import Federation
package import StageKit

extension StageProgram where StageConfiguration == LocalTrainConfiguration, Prepared == any Trainer {
    package static var localTrain: Self {
        StageProgram(
            .localTrain, configuration: LocalTrainConfiguration.self,
            prepare: { ground in
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
    }
}
