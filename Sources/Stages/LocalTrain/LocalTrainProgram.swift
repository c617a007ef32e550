import FineTuning
internal import Federation
package import StageKit
internal import Topology

/// How `tributary-local-train` is made of its config and keys.
package enum LocalTrainProgram {
    package static var program: StageProgram<LocalTrainConfiguration, any Trainer> {
        StageProgram(
            .localTrain, configuration: LocalTrainConfiguration.self,
            files: { StageFiles(reads: [$0.base.isEmpty ? nil : $0.base], libraries: FineTuner.libraries) },
            prepare: { ground in
                switch ground.configuration.trainer {
                case .none: EmptyTrainer(ground.stage)
                case .lora: try LoRATrainer(ground.configuration, cloud: ground.stage.cloud)
                }
            },
            rehearse: { try $1.rehearse() },
            make: { parts, trainer in
                LocalTrainStage(
                    context: parts.context, trainer: trainer, needsShards: parts.configuration.trainer == .lora,
                    workers: parts.topology.workers(of: parts.stage.cloud).map(\.stage.ordinal))
            })
    }
}
