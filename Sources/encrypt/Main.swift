import ArgumentParser
import Encryption
import Federation
import Keys
import StageKit
import Topology

@main
struct Encrypt: StageCommand {
    static let configuration = CommandConfiguration(
        commandName: "tributary-encrypt",
        abstract: "Seals a cloud's vectors and sends them to aggregate until it holds them.")

    @OptionGroup var options: StageOptions

    func run() async throws {
        let program = StageProgram(
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
        await StageMain.run(program, options: options)
    }
}
