package import Encryption
internal import Federation
package import StageKit
internal import Topology

/// How `tributary-aggregate` is made of its config and keys.
package enum AggregateProgram {
    package static var program: StageProgram<AggregateConfiguration, KeySearch<PaillierPublicKey>?> {
        StageProgram(
            .aggregate, configuration: AggregateConfiguration.self,
            prepare: { ground in
                guard ground.topology.suite == .paillier else { return nil }
                var keys = KeySearch(numbers: ground.sumKeys, text: ground.sumKeyText) { $1.paillier }
                _ = try keys.oldest()
                return keys
            },
            rehearse: { _, _ in },
            make: { parts, keys in
                AggregateStage(
                    context: parts.context, configuration: parts.configuration, keys: keys,
                    cloudsOpen: parts.topology.cloudsOpen,
                    evidencePath: "\(parts.topology.stateFolder(of: parts.stage))/evidence")
            })
    }
}
