import AggregateLogic
import CSyncWatch
import Configuration
import EncryptLogic
import Encryption
import Federation
import Foundation
import Keys
import LocalTrainLogic
import Publication
import PublishLogic
import Sodium
import StageKit
import Synchronization
import Topology

/// What stands before simulated runs begin: a folder in memory, keys, and each stage's journal, which the runs use one after
/// the other.
final class Laboratory {
    let root: String
    let keys: KeyStore
    private var grounds: [Schedule.Plan: SimulatedGround] = [:]
    /// With a key of sums for so many clouds.
    private var dealt: [Int: KeyStore] = [:]
    private static let mostGrounds = 256
    /// Each of their keys has a table of powers, 5 MB for each cloud's encrypt stage.
    private static let mostDealtGrounds = 4
    private var disks: [StageName: SimulatedDisk] = [:]
    private let empty: Journal
    private static let number = Atomic<Int>(0)

    init() throws {
        let parent = FileManager.default.fileExists(atPath: "/dev/shm") ? "/dev/shm" : "/tmp"
        root = "\(parent)/tributary-simulation-\(getpid())-\(Self.number.add(1, ordering: .relaxed).newValue)"
        try FileManager.default.createDirectory(atPath: "\(root)/empty", withIntermediateDirectories: true)
        keys = KeyStore(root: "\(root)/state/keys")
        for stage in try Schedule.stages(clouds: Schedule.cloudNames.count, workers: 3) { try keys.complete(stage) }
        for cloud in Schedule.cloudNames { try keys.completeRoundingSecret(of: try CloudName(cloud)) }
        try keys.completeReleaseKey(of: try CloudName("office"))
        for kind in StageKind.allCases { try Data().write(to: URL(fileURLWithPath: "\(root)/\(kind).yaml")) }
        tributary_remember_signatures(1)
        empty = try Journal(inMemoryBeside: "\(root)/empty")
    }

    deinit {
        do { try FileManager.default.removeItem(atPath: root) } catch { print("\(root) stays: \(error)") }
    }

    func ground(for plan: Schedule.Plan) throws -> SimulatedGround {
        if let ground = grounds[plan] { return ground }
        if grounds.count == Laboratory.mostGrounds { grounds = [:] }
        if plan.suite == .paillier, grounds.keys.count(where: { $0.suite == .paillier }) == Laboratory.mostDealtGrounds
        {
            grounds = grounds.filter { $0.key.suite != .paillier }
        }
        let ground = try SimulatedGround(plan, in: root, keys: plan.suite == .paillier ? dealtKeys(plan.clouds) : keys)
        grounds[plan] = ground
        return ground
    }

    /// The same keys, and beside them one of sums that so many clouds share.
    private func dealtKeys(_ clouds: Int) throws -> KeyStore {
        if let store = dealt[clouds] { return store }
        let store = KeyStore(root: "\(root)/keys-\(clouds)")
        try FileManager.default.copyItem(atPath: keys.root, toPath: store.root)
        let names = try Schedule.cloudNames.prefix(clouds).map { try CloudName($0) }
        try SimulatedSumKey.deal(to: names, of: try CloudName("office"), in: store)
        dealt[clouds] = store
        return store
    }

    /// An empty disk for a stage.
    func disk(of stage: StageName, _ ground: SimulatedGround) throws -> SimulatedDisk {
        let disk: SimulatedDisk
        if let known = disks[stage] {
            disk = known
        } else {
            let folder = ground.topology.stateFolder(of: stage)
            try FileManager.default.createDirectory(atPath: "\(folder)/spool", withIntermediateDirectories: true)
            disk = try SimulatedDisk(spool: "\(folder)/spool", aside: "\(root)/empty")
            disks[stage] = disk
        }
        try disk.erase(with: empty)
        return disk
    }
}

/// One plan's topology, and each stage's program with its config read and its keys made ready.
final class SimulatedGround {
    typealias Make = @StageActor (StageContext) throws -> any Stage

    let plan: Schedule.Plan
    let topology: Topology
    let keys: KeyStore
    let signing: [StageName: SigningKey]
    let verifying: [StageName: VerifyingKey]
    private(set) var makes: [StageName: Make] = [:]

    init(_ plan: Schedule.Plan, in root: String, keys: KeyStore) throws {
        self.plan = plan
        self.keys = keys
        var text = "version: 1\nfederation: simulated\nsuite: \(plan.suite)\n"
        if plan.suite == .clear { text += "allow-clear: true\n" }
        if plan.suite == .paillier { text += "keys: threshold\nthreshold: \(SimulatedSumKey.threshold)\n" }
        text += "clouds:\n"
        for cloud in Schedule.cloudNames.prefix(plan.clouds) {
            let isWorked = cloud == Schedule.cloudNames[0] && plan.workers > 1
            text += """
                  \(cloud):
                    owner: Owner of \(cloud)
                    stages:
                      ingest: {config: ingest.yaml}
                      local-train: {config: local-train.yaml}
                      encrypt: {config: encrypt.yaml}

                """
            guard isWorked else { continue }
            for worker in 2...plan.workers {
                text += "      local-train-\(worker): {config: local-train.yaml, speed: \(worker)}\n"
            }
            text += "    partition: {mode: \(plan.partition)}\n"
        }
        text += """
              office:
                owner: Office
                stages:
                  aggregate: {config: aggregate.yaml, bind: 127.0.0.1, work: 7001, news: 7002}
                  publish: {config: publish.yaml, bind: 127.0.0.1, work: 7003, news: 7004}

            """
        topology = try Topology.load(text: text, file: "\(root)/topology.yaml", state: "\(root)/state")
        let stages = topology.stages.map(\.name)
        signing = try Dictionary(uniqueKeysWithValues: stages.map { ($0, try keys.signingKey(of: $0)) })
        verifying = signing.mapValues(\.verifyingKey)
        for stage in stages { makes[stage] = try make(stage) }
    }

    private func make(_ stage: StageName) throws -> Make {
        switch stage.kind {
        case .ingest: ingest(of: stage.cloud)
        case .localTrain: try program(LocalTrainProgram.program, of: stage, "trainer: none\n")
        case .encrypt:
            try program(
                EncryptProgram.program(allowing: .testing), of: stage,
                "threads: 1\nlimits: {minimum-cohort: \(plan.askedMinimum ?? plan.minimum), maximum-share: 0.6}\n")
        case .aggregate:
            try program(
                AggregateProgram.program(allowing: .testing), of: stage, "threads: 1\nevidence-rounds: 0\n")
        case .publish:
            try program(
                PublishProgram.program(allowing: .testing), of: stage,
                """
                values: \(plan.values)
                rounds: \(plan.updates)
                outer: {optimizer: \(plan.outer.rawValue)}
                \(plan.compression)
                \(plan.pace.isEmpty ? "" : "pace: \(plan.pace)")
                minimum-cohort: \(plan.askedMinimum ?? plan.minimum)
                \(plan.quorum.map { "quorum: \($0)" } ?? "")
                deadline: \(plan.deadlineSeconds)s
                \(plan.attempts.map { "attempts: \($0)" } ?? "")
                end-grace: \(plan.ingests ? "1h" : "40s")
                validate-every: 0
                test: \(plan.evaluates)
                threads: 1

                """)
        }
    }

    /// Reads no tables: it hears of the end like every stage, and shares out records that are invented.
    private func ingest(of cloud: CloudName) -> Make {
        let topology = topology
        guard topology.workers(of: cloud).count > 1 else { return { _ in IdleStage() } }
        return { PlacingStage($0, topology) }
    }

    private func program<Configuration: Configurable & Sendable, Prepared: Sendable>(
        _ program: StageProgram<Configuration, Prepared>, of stage: StageName, _ text: String
    ) throws -> Make {
        let ground = StageGround(
            stage: stage,
            configuration: try ConfigurationFile.decode(Configuration.self, text: text, file: "\(stage.kind).yaml"),
            topology: topology, keys: keys)
        let prepared = try program.prepare(ground)
        return { context in try program.make(StageParts(context: context, ground: ground), prepared) }
    }
}

/// Does nothing but what every stage does.
@StageActor
final class IdleStage: Stage {}
