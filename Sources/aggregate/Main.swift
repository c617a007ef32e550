import ArgumentParser
import Encryption
import Federation
import StageKit
import Topology

@main
struct Aggregate: StageCommand {
    static let configuration = CommandConfiguration(
        commandName: "tributary-aggregate",
        abstract: "Adds the sealed contributions of a round without opening any, and sends the sum to publish.")

    @OptionGroup var options: StageOptions

    func run() async throws {
        let program = StageProgram(
            .aggregate, configuration: AggregateConfiguration.self,
            prepare: { ground -> KeySearch<PaillierPublicKey>? in
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
        await StageMain.run(program, options: options)
    }
}
