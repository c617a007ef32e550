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
        await StageMain.run(.encrypt, options: options, configuration: EncryptConfiguration.self) { parts in
            let cloud = parts.context.stage.cloud
            return try EncryptStage(
                context: parts.context, configuration: parts.configuration,
                rounding: try parts.keys.roundingSecret(of: cloud),
                suite: parts.topology.suite, keys: SealingKey.search(parts), cloudsOpen: parts.topology.cloudsOpen,
                aggregate: parts.topology.aggregate, clouds: parts.topology.dataClouds)
        }
    }
}
