package import Encryption
internal import Federation
package import Publication
package import StageKit

/// How `tributary-publish` is made of its config and keys.
package enum PublishProgram {
    package typealias Program = StageProgram<PublishConfiguration, KeyChoice>

    package static var program: Program { program(allowing: .secure) }

    /// Short keys of sums are for simulations; no file and no option asks for them.
    package static func program(allowing sizes: PaillierKeySizes) -> Program {
        StageProgram(
            .publish, configuration: PublishConfiguration.self,
            files: { StageFiles(reads: [$0.variables, $0.model.folder], writes: [$0.output]) },
            prepare: { try KeyChoice($0, allowing: sizes) }, rehearse: { _, _ in },
            make: { try PublishStage($0, keys: $1) })
    }
}
