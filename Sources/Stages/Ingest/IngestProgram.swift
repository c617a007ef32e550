package import Corpus
internal import Federation
package import StageKit

/// How `tributary-ingest` is made of its config and keys.
package enum IngestProgram {
    package static var program: StageProgram<IngestConfiguration, Void> {
        StageProgram(.ingest, configuration: IngestConfiguration.self) { parts in IngestStage(parts) }
    }
}
