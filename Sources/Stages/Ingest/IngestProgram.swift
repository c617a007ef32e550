package import Corpus
internal import Federation
package import StageKit

extension StageProgram where StageConfiguration == IngestConfiguration, Prepared == Void {
    package static var ingest: Self {
        StageProgram(.ingest, configuration: IngestConfiguration.self) { parts in IngestStage(parts) }
    }
}
