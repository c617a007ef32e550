package import Federation
package import Topology

/// What there is to look at: the parts of a topology that pictures draw.
package struct FederationPlan: Sendable, Equatable {
    package struct Cloud: Sendable, Equatable {
        package let name: CloudName
        package let owner: String
        /// In the order of `StageRole`.
        package let stages: [StageRole]

        package init(_ name: CloudName, owner: String, stages: [StageRole]) {
            self.name = name
            self.owner = owner
            self.stages = stages
        }

        package var holdsData: Bool { stages.contains(StageRole(.ingest)) }
    }

    package let federation: String
    package let run: RunName
    /// How updates are protected, and who can open a sum.
    package let suite: String
    package let keys: String
    /// In the order of the file.
    package let clouds: [Cloud]
    package let links: [Link]
    /// Of clouds that have any.
    package let prices: [CloudName: Topology.Prices]
    package let currency: String

    package init(
        federation: String, run: RunName, suite: String, keys: String, clouds: [Cloud], links: [Link],
        prices: [CloudName: Topology.Prices] = [:], currency: String = "EUR"
    ) {
        self.prices = prices
        self.currency = currency
        self.federation = federation
        self.run = run
        self.suite = suite
        self.keys = keys
        self.clouds = clouds
        self.links = links
    }

    package init(_ topology: Topology) {
        self.init(
            federation: topology.federation, run: topology.run, suite: topology.suite.rawValue,
            keys: topology.keysName,
            clouds: topology.clouds.map { cloud in
                Cloud(cloud.name, owner: cloud.owner, stages: cloud.stages.map(\.name.role))
            },
            links: topology.links,
            prices: Dictionary(
                uniqueKeysWithValues: topology.clouds.compactMap { cloud in cloud.prices.map { (cloud.name, $0) } }),
            currency: topology.currency)
    }

    package var stages: [StageName] {
        clouds.flatMap { cloud in cloud.stages.map { StageName(cloud: cloud.name, role: $0) } }
    }

    package func stages(of kind: StageKind) -> [StageName] { stages.filter { $0.kind == kind } }
}
