package import Corpus
internal import Federation
package import StageKit

/// How `tributary-ingest` is made of its config and keys.
package enum IngestProgram {
    package static var program: StageProgram<IngestConfiguration, Void> {
        StageProgram(
            .ingest, configuration: IngestConfiguration.self,
            files: { StageFiles(reads: [$0.tables, $0.variables, $0.mapping]) },
            prepare: { _ in },
            rehearse: { ground, _ in try Ingest(ground.configuration).rehearse() },
            make: { parts, _ in IngestStage(parts) })
    }
}
