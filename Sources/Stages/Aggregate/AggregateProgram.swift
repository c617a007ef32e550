package import Encryption
internal import Federation
package import StageKit
internal import Topology

/// How `tributary-aggregate` is made of its config and keys.
package enum AggregateProgram {
    package typealias Program = StageProgram<AggregateConfiguration, KeySearch<PaillierPublicKey>?>

    package static var program: Program { program(allowing: .secure) }

    /// Short keys of sums are for simulations; no file and no option asks for them.
    package static func program(allowing sizes: PaillierKeySizes) -> Program {
        StageProgram(
            .aggregate, configuration: AggregateConfiguration.self,
            prepare: { ground in
                guard ground.topology.suite == .paillier else { return nil }
                var keys = KeySearch(numbers: ground.sumKeys, text: ground.sumKeyText, allowing: sizes) {
                    $1.paillier
                }
                _ = try keys.oldest()
                return keys
            },
            rehearse: { _, _ in },
            make: { parts, keys in
                AggregateStage(
                    context: parts.context, configuration: parts.configuration, keys: keys,
                    cloudsOpen: parts.topology.cloudsOpen, threshold: parts.topology.threshold,
                    evidencePath: "\(parts.topology.stateFolder(of: parts.stage))/evidence")
            })
    }
}
