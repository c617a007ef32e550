internal import AggregateLogic
internal import Configuration
internal import EncryptLogic
internal import Federation
internal import IngestLogic
internal import LocalTrainLogic
internal import PublishLogic
internal import StageKit

/// What the launcher knows of a stage's config: the same reader that the stage has.
enum StagePrograms {
    /// What a config file names.
    static func files(of kind: StageKind, config: String) throws -> StageFiles {
        switch kind {
        case .ingest: try IngestProgram.program.files(at: config)
        case .localTrain: try LocalTrainProgram.program.files(at: config)
        case .encrypt: try EncryptProgram.program.files(at: config)
        case .aggregate: try AggregateProgram.program.files(at: config)
        case .publish: try PublishProgram.program.files(at: config)
        }
    }
}
