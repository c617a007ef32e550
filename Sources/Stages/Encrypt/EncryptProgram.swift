package import Encryption
internal import Federation
package import StageKit

extension StageProgram where StageConfiguration == EncryptConfiguration, Prepared == KeySearch<SealingKey>? {
    package static var encrypt: Self {
        StageProgram(
            .encrypt, configuration: EncryptConfiguration.self, prepare: SealingKey.search,
            rehearse: { ground, keys in
                // The table takes a second or two, and stays with the key.
                _ = keys?.found?.paillier.blindingTable(threads: ground.configuration.threads)
            },
            make: { parts, keys in
                try EncryptStage(
                    context: parts.context, configuration: parts.configuration,
                    rounding: try parts.keys.roundingSecret(of: parts.stage.cloud),
                    suite: parts.topology.suite, keys: keys, cloudsOpen: parts.topology.cloudsOpen,
                    aggregate: parts.topology.aggregate, clouds: parts.topology.dataClouds)
            })
    }
}
