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

    /// The JSON Schema of a config file, derived from its reader.
    static func schema(of kind: StageKind) -> String {
        switch kind {
        case .ingest: IngestProgram.program.schema
        case .localTrain: LocalTrainProgram.program.schema
        case .encrypt: EncryptProgram.program.schema
        case .aggregate: AggregateProgram.program.schema
        case .publish: PublishProgram.program.schema
        }
    }
}
