package import Federation
package import Keys
package import Topology

/// What a stage stands on before it touches its state: enough to make ready what takes long, and to find out whether it can
/// run at all.
package struct StageGround<StageConfiguration: Sendable>: Sendable {
    package let stage: StageName
    package let configuration: StageConfiguration
    package let topology: Topology
    package let keys: KeyStore

    package init(stage: StageName, configuration: StageConfiguration, topology: Topology, keys: KeyStore) {
        self.stage = stage
        self.configuration = configuration
        self.topology = topology
        self.keys = keys
    }
}

extension StageGround {
    /// The numbers of the federation's keys of sums that are here, newest first.
    package func sumKeys() -> [Int] { keys.sumKeys(of: topology.publish.cloud) }

    /// A key's public half as its file has it; the reader checks it as a stranger's.
    package func sumKeyText(_ number: Int) throws -> String {
        String(decoding: try keys.paillierPublic(number, of: topology.publish.cloud), as: UTF8.self)
    }
}

/// What a stage is given to make itself of.
package struct StageParts<StageConfiguration: Sendable>: Sendable {
    package let context: StageContext
    package let ground: StageGround<StageConfiguration>

    package init(context: StageContext, ground: StageGround<StageConfiguration>) {
        self.context = context
        self.ground = ground
    }

    package var configuration: StageConfiguration { ground.configuration }
    package var topology: Topology { ground.topology }
    package var keys: KeyStore { ground.keys }
    package var stage: StageName { ground.stage }
}
