package import Configuration
package import Federation
package import Monitoring

/// A valid federation: its clouds, the stages in them, and where each is found. Made by `Topology.load`, which refuses what
/// could not run or would give data away.
package struct Topology: Sendable {
    package typealias Suite = Federation.Suite

    package enum KeyMode: String, Sendable, CaseIterable, CustomStringConvertible {
        /// The clouds hold shares of the key: some of them must help to open a sum.
        case threshold
        /// One key, in publish's hands.
        case publisher
        /// One key, in the hands of every cloud with data: any of them alone opens a sum.
        case clouds
        package var description: String { rawValue }
    }

    /// How much blinding a ciphertext gets (`PaillierProfile` tells what each rests on).
    package enum Profile: String, Sendable, CaseIterable, CustomStringConvertible {
        case conservative
        case standard
        case turbo
        package var description: String { rawValue }
    }

    /// How much one peer may send to a hub over tcp, each second and twice as much at once.
    package struct PeerLimits: Hashable, Sendable {
        package let messages: Int
        package let bytes: Int

        package init(messages: Int = 10_000, bytes: Int = 1 << 30) {
            self.messages = messages
            self.bytes = bytes
        }
    }

    /// Where a stage listens over tcp. What it binds and what others dial are apart: NAT and load balancers stand between.
    package struct Listener: Hashable, Sendable {
        /// An address of the stage's own host.
        package let bind: String
        /// What the other clouds dial: an address or a host name.
        package let advertise: String
        package let work: Int
        package let news: Int
    }

    package struct Stage: Hashable, Sendable {
        package let name: StageName
        /// Who runs the machine it is on; the cloud's owner unless the stage names another.
        package let owner: String
        /// Its config file, a whole path.
        package let config: String
        /// Its program, a whole path; nil for the one that the launcher finds.
        package let binary: String?
        /// Bytes that it may have where a supervisor keeps to it (`tributary export`); nil for what its kind gets.
        package let memory: Int?
        /// Nil for ipc inside the cloud, and for ingest, which nobody dials.
        package let listener: Listener?
        /// How fast it trains, as a ratio to its cloud's other local-train stages; 1 of other kinds.
        package let speed: Double
    }

    package struct Cloud: Hashable, Sendable {
        package let name: CloudName
        package let owner: String
        /// Owners who agreed to see this cloud's records, shards and clear deltas.
        package let consent: [String]
        /// In the order of `StageRole`.
        package let stages: [Stage]
        /// The collectors that get its stages' events: those of the whole file, and its own.
        package let sinks: [SinkSpecification]
        /// Where others may measure what the network carries; nil where nobody may.
        package let probe: ProbeServer?
        /// Nil where the file does not say.
        package let prices: Prices?
        package let partitioning: Partitioning

        /// A data cloud trains on records of its own.
        package var holdsData: Bool { stages.contains { $0.name.kind == .ingest } }
    }

    package let file: String
    package let federation: String
    package let run: RunName
    package let suite: Suite
    package let keys: KeyMode
    /// How many clouds it takes to open a sum, 1 under `clouds`; 0 where they have no part in it.
    package let threshold: Int
    /// Of the key that `tributary keys` makes.
    package let profile: Profile
    /// Damgard and Jurik's s in the rounds that publish opens; 1 is Paillier's scheme.
    package let damgardJurik: Int
    /// In the order of the file.
    package let clouds: [Cloud]
    package let aggregate: StageName
    package let publish: StageName
    package let peerLimits: PeerLimits
    /// Bytes that each stage keeps of its newest events.
    package let spoolLimit: Int
    /// Of prices, as ISO 4217 has it.
    package let currency: String
    /// Everything the federation's stages on this host write: spools, journals, keys, logs.
    package let statePath: String
    package let warnings: [Problem]

    package var dataClouds: [CloudName] { clouds.filter(\.holdsData).map(\.name) }

    /// A sum over fewer clouds gives them away to each other.
    package static let smallestCohort = 3
    /// What a shared key has room for (`ThresholdPublicKey.maximumParties`).
    package static let mostParties = 64

    /// Whether the clouds' encrypt stages take part in opening sums.
    package var cloudsOpen: Bool { suite == .paillier && keys != .publisher }

    /// The key mode as it is shown: under `secagg` there is no key but those that each round makes.
    package var keysName: String { suite == .secagg ? "of each round" : keys.rawValue }

    /// Who together can open one cloud's update, as a sentence (docs/threat-model.md, the table of keys).
    package var trust: String {
        switch suite {
        case .clear: return "nothing is encrypted: aggregate and publish see every cloud's update"
        case .secagg:
            return
                "aggregate and publish together cannot open one cloud's update, not even with one cloud that helps them; with more clouds they may"
        case .paillier: break
        }
        return switch keys {
        case .threshold:
            "any \(threshold) of the \(dataClouds.count) clouds together can open one cloud's update, and nobody else: aggregate and publish hold no key"
        case .publisher: "publish and aggregate together can open one cloud's update"
        case .clouds:
            "any one of the \(dataClouds.count) clouds alone can open another cloud's update: each holds the whole key, and is shown what the others sent so that it can check the sum"
        }
    }

    /// Where clouds open sums, the number that each cloud with data has in the shared key: from 1, in the order of names.
    package var parties: [CloudName: Int] {
        Dictionary(uniqueKeysWithValues: dataClouds.sorted().enumerated().map { ($1, $0 + 1) })
    }

    /// Every stage, cloud by cloud.
    package var stages: [Stage] { clouds.flatMap(\.stages) }

    package func cloud(_ name: CloudName) -> Cloud? { clouds.first { $0.name == name } }

    package func stages(of cloud: CloudName) -> [Stage] { self.cloud(cloud)?.stages ?? [] }

    package func stage(_ name: StageName) -> Stage? { stages(of: name.cloud).first { $0.name == name } }

    /// The stage's own folder for spool and journal, `STATE/CLOUD/STAGE`.
    package func stateFolder(of stage: StageName) -> String { "\(statePath)/\(stage.cloud)/\(stage.role)" }

    /// Root of the `KeyStore`.
    package var keysPath: String { "\(statePath)/keys" }

    /// Where the stage keeps its newest events.
    package func eventSpool(of stage: StageName) -> String { "\(stateFolder(of: stage))/events" }

    /// Where it is kept how far each collector has come.
    package var monitorFolder: String { "\(statePath)/monitor" }

    /// What an auditor asks about, signed and chained.
    package func auditTrail(of stage: StageName) -> String { "\(stateFolder(of: stage))/audit.jsonl" }

    /// What the stage counts, as Prometheus reads it; made anew each second.
    package func metricsPath(of stage: StageName) -> String { "\(stateFolder(of: stage))/metrics.prom" }

    package func logPath(of stage: StageName) -> String { "\(statePath)/logs/\(stage.cloud)-\(stage.role).jsonl" }
}
