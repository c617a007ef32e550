internal import Configuration
package import Federation

extension Topology {
    /// One of a cloud's local-train stages, and what its operator says of it.
    package struct Worker: Hashable, Sendable {
        package let stage: StageName
        /// How fast it trains, as a ratio to the cloud's other workers.
        package let speed: Double

        package static let speeds = 1.0...1e6

        package init(_ stage: StageName, speed: Double = 1) {
            self.stage = stage
            self.speed = speed
        }
    }

    /// How a cloud's training records are parted among its workers.
    package struct Partitioning: Hashable, Sendable {
        package enum Mode: String, Hashable, Sendable, CaseIterable, CustomStringConvertible {
            /// Equal parts.
            case fixed
            /// By the speeds that the topology declares.
            case proportional
            /// By the speeds that the workers show; by the declared ones until there are any.
            case monitored

            package var description: String { rawValue }
        }

        package let mode: Mode
        /// Under `monitored`: parts are drawn anew when a worker's share by its speed is off by more than this fraction of it.
        package let rebalance: Double

        package static let standardRebalance = 0.2

        package init(_ mode: Mode = .fixed, rebalance: Double = standardRebalance) {
            self.mode = mode
            self.rebalance = rebalance
        }

        init(_ file: Section) {
            mode = file.choice(
                "mode", default: .fixed,
                about: "equal parts, parts by the declared speeds, or parts by the speeds that are seen")
            rebalance = file.double(
                "rebalance", in: 0.01...10, default: Self.standardRebalance,
                about: "monitored: how far speeds may have drifted before parts are drawn anew; 0.2 is a fifth")
            if file.has("rebalance"), mode != .monitored {
                file.refuse("rebalance", "belongs to `mode: monitored`, here is `\(mode)`: remove it")
            }
        }
    }

    /// The local-train stages of a cloud, in the order of their numbers; one in most clouds, none where there is no data.
    package func workers(of cloud: CloudName) -> [Worker] { self.cloud(cloud)?.workers ?? [] }

    /// Every local-train stage, of all clouds.
    package var trainers: [StageName] { clouds.flatMap { $0.workers.map(\.stage) } }

    /// How the training records of a cloud are parted.
    package func partitioning(of cloud: CloudName) -> Partitioning { self.cloud(cloud)?.partitioning ?? Partitioning() }
}

extension Topology.Cloud {
    package var workers: [Topology.Worker] {
        stages.filter { $0.name.kind == .localTrain }.map { Topology.Worker($0.name, speed: $0.speed) }
    }
}
