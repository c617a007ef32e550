import Corpus
import Encryption
import Federation
import Foundation
import Glibc
import Keys
import Sodium
import StageKit
import Synchronization
import Topology

/// A federation in a folder of its own under /tmp: generated tables, a topology with free ports, configs and keys, and the
/// real stages, each in its process. Gone with the object.
final class FederationRun: Sendable {
    /// What differs from one run to the next.
    struct Plan: Sendable {
        var clouds = ["north", "west", "east"]
        var suite = Suite.paillier
        /// Who opens sums; nil for what the topology makes of the number of clouds.
        var keys: Topology.KeyMode?
        /// How many clouds it takes to open a sum; nil for what the topology makes of their number.
        var threshold: Int?
        /// Damgard and Jurik's s.
        var degree = 1
        var updates = 2
        var steps = 4
        var stays = 48
        var evaluates = true
        /// Says something to one cloud's tables before they are read.
        var plant: (@Sendable (_ folder: String) throws -> Void)?
        /// A text that takes the place of a stage's config.
        var configs: [StageKind: String] = [:]
        var trainer = "lora"
        /// A script that takes the place of a cloud's local-train: its text.
        var trainers: [String: String] = [:]
        /// Speeds of the local-train stages of clouds with several, and how records are shared out among them.
        var workers: [String: [Double]] = [:]
        var partition = "{mode: fixed}"
        var rank = 4
        var targets = "[q_proj, v_proj]"
        var seed = 3
        /// Where events go, each as the topology has it: `{kind: ...}`.
        var sinks: [String] = []
    }

    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    let root: String
    let plan: Plan
    let topology: Topology
    let keys: KeyStore
    let book = EventBook()
    private let children = Mutex<[StageName: StageChild]>([:])

    static let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path
    /// Where the stages lie: beside the tests that run now.
    static let binaries = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
        .path
    static let baseModel = "\(repository)/models/base"
    private static let number = Atomic<Int>(0)
    /// Folders of sockets, which lie elsewhere.
    private static let leftovers = Mutex<[String]>([])
    /// The folder of all runs of this process; its end takes it away, whatever a run left in it.
    static let parent: String = {
        atexit {
            let folders = FederationRun.leftovers.withLock { $0 } + ["/tmp/tp-\(getpid())"]
            for folder in folders { try? FileManager.default.removeItem(atPath: folder) }
        }
        return "/tmp/tp-\(getpid())"
    }()

    /// - Parameter keys: the keys of an earlier run, to repeat it; nil makes new ones.
    init(_ plan: Plan, keys earlier: FederationRun? = nil) throws {
        self.plan = plan
        let number = Self.number.add(1, ordering: .relaxed).newValue
        root = "\(Self.parent)/\(number)"
        try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
        try Generator(seed: 7, staysPerCloud: plan.stays).write(to: "\(root)/tables")
        try plan.plant?("\(root)/tables")
        try Self.writeFiles(plan, in: root)
        topology = try Topology.load("\(root)/topology.yaml", state: "\(root)/state")
        keys = KeyStore(root: topology.keysPath)
        let folders = topology.clouds.map { topology.socketFolder(of: $0.name) }
        Self.leftovers.withLock { $0 += folders }
        if let earlier {
            try FileManager.default.createDirectory(atPath: topology.statePath, withIntermediateDirectories: true)
            try FileManager.default.copyItem(atPath: earlier.topology.keysPath, toPath: topology.keysPath)
            if topology.suite == .paillier, topology.keys != earlier.topology.keys {
                try FileManager.default.removeItem(
                    atPath: "\(topology.keysPath)/public/\(topology.publish.cloud)/paillier.pub")
                for cloud in topology.dataClouds {
                    let share = "\(topology.keysPath)/public/\(cloud)/opening.share"
                    try? FileManager.default.removeItem(atPath: share)
                }
                try makeKeyOfSums()
            }
        } else {
            try makeKeys()
        }
    }

    deinit { remove() }

    // MARK: Keys

    private func makeKeys() throws {
        for stage in topology.stages { try keys.complete(stage.name) }
        for cloud in topology.dataClouds { try keys.completeRoundingSecret(of: cloud) }
        try keys.completeReleaseKey(of: topology.publish.cloud)
        if topology.suite == .paillier { try makeKeyOfSums() }
    }

    private func makeKeyOfSums() throws {
        guard topology.keys == .publisher else { return try deal() }
        let paillier = try PaillierPrivateKey.generate()
        try keys.storePaillier(
            secret: try paillier.encoded(), publicKey: Array(paillier.publicKey.text.utf8), of: topology.publish.cloud)
    }

    private func deal() throws {
        let clouds = topology.dataClouds.sorted()
        let (key, shares) = try ThresholdDealer.deal(parties: clouds.count, threshold: topology.threshold, threads: 2)
        for (cloud, share) in zip(clouds, shares) {
            let card = try keys.card(of: StageName(cloud: cloud, kind: .encrypt))
            try keys.storeShare(try share.sealed(to: card.curve), of: cloud)
        }
        try keys.storePaillierPublic(Array(key.text.utf8), of: topology.publish.cloud)
    }

    /// The key that the clouds share.
    func sharedKey() throws -> ThresholdPublicKey {
        let text = String(decoding: try keys.paillierPublic(of: topology.publish.cloud), as: UTF8.self)
        return try FederationKey(text: text).shared(
            parties: topology.dataClouds.count, threshold: topology.threshold)
    }

    /// A cloud's share of it.
    func share(of cloud: CloudName) throws -> KeyShare {
        let encrypt = StageName(cloud: cloud, kind: .encrypt)
        return try KeyShare(
            opening: try keys.share(of: cloud), with: try BoxKeyPair(secret: try keys.curveSecret(of: encrypt)),
            key: try sharedKey())
    }

    /// Puts another key of sums beside the first, as the launcher does, and answers its id: a new one, or under a shared key
    /// the one that another run was dealt, as dealing takes long.
    func addKeyOfSums(_ number: Int = 2, from other: FederationRun) throws -> PaillierKeyID {
        let publisher = topology.publish.cloud
        guard topology.cloudsOpen else {
            let key = try PaillierPrivateKey.generate()
            try keys.storePaillier(
                secret: try key.encoded(), publicKey: Array(key.publicKey.text.utf8), number: number, of: publisher)
            return key.publicKey.id
        }
        for cloud in topology.dataClouds { try addShare(number, of: cloud, from: other) }
        let key = try other.sharedKey()
        try keys.storePaillierPublic(Array(key.text.utf8), number: number, of: publisher)
        return key.id
    }

    func addShare(_ number: Int, of cloud: CloudName, from other: FederationRun) throws {
        let card = try keys.card(of: StageName(cloud: cloud, kind: .encrypt))
        try keys.storeShare(try other.share(of: cloud).sealed(to: card.curve), number: number, of: cloud)
    }

    /// Takes a key's public half and the clouds' shares of it away, as an operator may.
    func removeKeyOfSums(_ number: Int) throws {
        let ending = number == 1 ? "" : ".\(number)"
        try FileManager.default.removeItem(
            atPath: "\(topology.keysPath)/public/\(topology.publish.cloud)/paillier\(ending).pub")
        for cloud in topology.cloudsOpen ? topology.dataClouds : [] {
            try FileManager.default.removeItem(atPath: "\(topology.keysPath)/public/\(cloud)/opening\(ending).share")
        }
    }

    // MARK: Processes

    var stages: [StageName] { topology.stages.map(\.name) }

    func stage(_ kind: StageKind, _ cloud: String) -> StageName {
        stages.first { $0.kind == kind && $0.cloud.description == cloud } ?? topology.publish
    }

    /// - Parameters:
    ///   - standby: to take over from the process that runs the stage now.
    ///   - file: another topology file than the run's.
    func start(_ stage: StageName, standby: Bool = false, topology file: String? = nil) throws {
        try start(
            stage, program: topology.stages.first { $0.name == stage }?.binary ?? "tributary-\(stage.kind)",
            [
                "--topology", file ?? "\(root)/topology.yaml", "--cloud", "\(stage.cloud)", "--state",
                topology.statePath,
            ] + (stage.ordinal > 1 ? ["--worker", "\(stage.ordinal)"] : []) + (standby ? ["--standby"] : []))
    }

    func start(_ stage: StageName, program: String, _ arguments: [String]) throws {
        let path = program.hasPrefix("/") ? program : "\(Self.binaries)/\(program)"
        let child = try StageChild(stage, program: path, arguments: arguments, book: book)
        children.withLock { $0[stage] = child }
    }

    func startAll() throws { for stage in stages.sorted(by: { $0.kind > $1.kind }) { try start(stage) } }

    func pid(of stage: StageName) -> pid_t { children.withLock { $0[stage]?.pid ?? 0 } }

    func signal(_ number: Int32, to stage: StageName) {
        let pid = pid(of: stage)
        if pid > 0 { Glibc.kill(pid, number) }
    }

    /// Stops a stage where it is; returns when it has stopped (proc_pid_stat(5), state T).
    func pause(_ stage: StageName) {
        let pid = pid(of: stage)
        guard pid > 0 else { return }
        signal(SIGSTOP, to: stage)
        while let text = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8),
            let state = text.split(separator: ")").last?.first(where: { $0 != " " }), !"TZX".contains(state)
        { sched_yield() }
    }
    func resume(_ stage: StageName) { signal(SIGCONT, to: stage) }

    /// Stops a stage as soon as it says that this has happened.
    func pause(_ stage: StageName, at event: String, round: Int) {
        book.when({ $0.stage == stage && $0.name == event && $0.round == round }) { [weak self] in self?.pause(stage) }
    }

    /// Kills a stage as a loss of power would and starts it again as the launcher would.
    func killAndRestart(_ stage: StageName) async throws {
        let pid = pid(of: stage)
        signal(SIGKILL, to: stage)
        _ = try await event("killed", of: stage) { $0.fields["pid"] == "\(pid)" }
        try start(stage)
    }

    /// Kills all stages at once as a loss of power would; returns when they are gone.
    func killAll() async throws {
        let pids = stages.map { ($0, pid(of: $0)) }
        for (stage, _) in pids { signal(SIGKILL, to: stage) }
        for (stage, pid) in pids { _ = try await event("killed", of: stage) { $0.fields["pid"] == "\(pid)" } }
    }

    // MARK: Events

    /// The first such event, past or to come. Throws with what the stages last said if none comes, or if a stage fails.
    @discardableResult
    func event(
        _ name: String, of stage: StageName? = nil, within seconds: Int = 120,
        where matches: @escaping @Sendable (StageEvent) -> Bool = { _ in true }
    ) async throws -> StageEvent {
        let found = await book.first(within: seconds) { event in
            let isWanted = event.name == name && (stage == nil || event.stage == stage) && matches(event)
            return isWanted || (event.name == "exited" && event.fields["status"] != "0")
        }
        if let found, found.name == name, stage == nil || found.stage == stage, matches(found) { return found }
        throw Failure(
            description:
                "\(found?.line ?? "no event \(name) of \(stage?.description ?? "any stage") in \(seconds) s"):\n"
                + book.all.suffix(25).map(\.line).joined(separator: "\n"))
    }

    func event(_ name: String, of stage: StageName? = nil, round: Int) async throws -> StageEvent {
        try await event(name, of: stage) { $0.round == round }
    }

    /// Waits for every stage's end in order and answers their statuses.
    func finish() async throws -> [StageName: Int32] {
        var statuses: [StageName: Int32] = [:]
        for stage in stages {
            let pid = pid(of: stage)
            let end = try await event("exited", of: stage) { $0.fields["pid"] == "\(pid)" }
            statuses[stage] = end.fields["status"].flatMap { Int32($0) }
        }
        return statuses
    }

    /// Runs from the first stage to the last end.
    func run() async throws {
        try startAll()
        _ = try await finish()
    }

    // MARK: What comes of it

    var releases: String { "\(topology.stateFolder(of: topology.publish))/releases" }

    func read(_ path: String) throws -> [UInt8] { Array(try Data(contentsOf: URL(fileURLWithPath: path))) }

    func write(_ bytes: [UInt8], _ path: String) throws { try Data(bytes).write(to: URL(fileURLWithPath: path)) }

    /// The files that must be the same in every run of the same plan and keys.
    func adapter() throws -> [String: [UInt8]] {
        var files: [String: [UInt8]] = [:]
        for name in ["adapter_model.safetensors", "adapter_config.json"] {
            files[name] = try read("\(releases)/latest/\(name)")
        }
        return files
    }

    /// A journal as it stands, copied from under a stage that is paused or gone.
    func journal(of stage: StageName) throws -> Journal {
        let copy = "\(root)/copy-\(Self.number.add(1, ordering: .relaxed).newValue)"
        try FileManager.default.copyItem(atPath: topology.stateFolder(of: stage), toPath: copy)
        return try Journal(directory: copy)
    }

    func remove() {
        for (_, child) in children.withLock({ $0 }) where !hasEnded(child.pid) { Glibc.kill(child.pid, SIGKILL) }
        for cloud in topology.clouds {
            try? FileManager.default.removeItem(atPath: topology.socketFolder(of: cloud.name))
        }
        try? FileManager.default.removeItem(atPath: root)
    }

    private func hasEnded(_ pid: pid_t) -> Bool {
        book.all.contains { ($0.name == "exited" || $0.name == "killed") && $0.fields["pid"] == "\(pid)" }
    }
}
