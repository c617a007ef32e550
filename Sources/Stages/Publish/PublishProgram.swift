package import Encryption
internal import Federation
package import Publication
package import StageKit

/// How `tributary-publish` is made of its config and keys.
package enum PublishProgram {
    package typealias Program = StageProgram<PublishConfiguration, PublishMeans>

    package static var program: Program { program(allowing: .secure) }

    /// Short keys of sums are for simulations; no file and no option asks for them.
    package static func program(allowing sizes: PaillierKeySizes) -> Program {
        StageProgram(
            .publish, configuration: PublishConfiguration.self,
            files: { StageFiles(reads: [$0.variables, $0.model.folder], writes: [$0.output]) },
            prepare: { try PublishMeans($0, allowing: sizes) },
            rehearse: { try $1.rehearse(on: $0) },
            make: { try PublishStage($0, $1) })
    }
}
