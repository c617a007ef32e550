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
        await StageMain.run(.aggregate, options: options, configuration: AggregateConfiguration.self) { parts in
            try AggregateStage(
                context: parts.context, configuration: parts.configuration,
                keys: parts.topology.suite == .paillier
                    ? KeySearch(numbers: parts.sumKeys, text: parts.sumKeyText) { $1.paillier } : nil,
                cloudsOpen: parts.topology.cloudsOpen,
                evidencePath: "\(parts.topology.stateFolder(of: parts.context.stage))/evidence")
        }
    }
}
