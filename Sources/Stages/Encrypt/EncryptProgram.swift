package import Encryption
internal import Federation
internal import Keys
package import StageKit
internal import Topology

/// How `tributary-encrypt` is made of its config and keys.
package enum EncryptProgram {
    package typealias Program = StageProgram<EncryptConfiguration, KeySearch<SealingKey>?>

    package static var program: Program { program(allowing: .secure) }

    /// Short keys of sums are for simulations; no file and no option asks for them.
    package static func program(allowing sizes: PaillierKeySizes) -> Program {
        StageProgram(
            .encrypt, configuration: EncryptConfiguration.self,
            prepare: { try SealingKey.search($0, allowing: sizes) },
            rehearse: { ground, keys in
                _ = try ground.keys.roundingSecret(of: ground.stage.cloud)
                // The table takes a second or two, and stays with the key.
                _ = keys?.found?.paillier.blindingTable(threads: ground.configuration.threads)
            },
            make: { parts, keys in
                try EncryptStage(
                    context: parts.context, configuration: parts.configuration,
                    rounding: try parts.keys.roundingSecret(of: parts.stage.cloud),
                    suite: parts.topology.suite, keys: keys, cloudsOpen: parts.topology.cloudsOpen,
                    aggregate: parts.topology.aggregate, clouds: parts.topology.dataClouds,
                    threshold: parts.topology.threshold,
                    workers: parts.topology.workers(of: parts.stage.cloud).map(\.stage.ordinal),
                    tellsSpeeds: parts.topology.partitioning(of: parts.stage.cloud).mode == .monitored)
            })
    }
}
