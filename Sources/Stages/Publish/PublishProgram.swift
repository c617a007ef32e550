internal import Federation
package import Publication
package import StageKit

/// How `tributary-publish` is made of its config and keys.
package enum PublishProgram {
    package static var program: StageProgram<PublishConfiguration, KeyChoice> {
        StageProgram(
            .publish, configuration: PublishConfiguration.self,
            files: { StageFiles(reads: [$0.variables, $0.model.folder], writes: [$0.output]) },
            prepare: { try KeyChoice($0) }, rehearse: { _, _ in },
            make: { try PublishStage($0, keys: $1) })
    }
}
