package import Federation
package import Topology

/// What one stage's service is, whatever supervises it: the formats render this and decide nothing else about a stage.
package struct StageService: Sendable {
    /// A file or folder that the stage's config names.
    package struct NamedPath: Hashable, Sendable {
        package let path: String
        package let isFolder: Bool

        package init(path: String, isFolder: Bool) {
            self.path = path
            self.isFolder = isFolder
        }
    }

    /// A hub that the stage dials over TCP.
    package struct Dial: Hashable, Sendable {
        package let hub: StageName
        package let host: String
        package let ports: [Int]
    }

    /// What a stage listens on over TCP, and who dials it.
    package struct Listener: Hashable, Sendable {
        package let bind: String
        package let advertise: String
        /// `work` and `news`.
        package let ports: [Int]
        package let callers: [StageName]
    }

    package let stage: StageName
    package let owner: String
    package let federation: String
    package let run: RunName
    package let program: String
    package let topology: String
    package let config: String
    /// What its config names to be read, and to be written beside its state.
    package let reads: [NamedPath]
    package let writes: [String]
    /// Names of its secret keys' files.
    package let secrets: [String]
    package let listener: Listener?
    package let dials: [Dial]
    /// Stages of its cloud that it shares ipc sockets with.
    package let neighbours: [StageName]
    /// Whether it makes machine code at run time, as the training engine does.
    package let makesCode: Bool
    /// Bytes that it may have before it is killed.
    package let memory: Int

    /// Secrets lie in locked memory (docs/operating.md, "Install").
    package static let lockedMemory = 64 << 20
    /// Of its files in /tmp, which are memory in a container.
    package static let temporaryFiles = 64 << 20
    /// Threads: a config's `threads` is at most 1024, and libraries start some of their own. It starts no other program.
    package static let tasks = 1024 + 64

    /// What is enough for models and tables like those that were measured, with room (docs/deploying.md, "Memory").
    package static func memory(of kind: StageKind) -> Int {
        switch kind {
        case .ingest: 512 << 20
        case .localTrain: 2 << 30
        case .encrypt: 512 << 20
        case .aggregate: 512 << 20
        case .publish: 1 << 30
        }
    }

    /// - Parameters:
    ///   - program: its file where the service runs.
    ///   - reads: what its config names, see `StageFiles`.
    ///   - keyFiles: the files that lie among its cloud's secrets now: keys that were renewed are among them.
    package init(
        _ stage: Topology.Stage, of topology: Topology, program: String, reads: [NamedPath], writes: [String],
        keyFiles: [String] = [], makesCode: Bool
    ) {
        self.stage = stage.name
        owner = stage.owner
        federation = topology.federation
        run = topology.run
        self.program = program
        self.topology = topology.file
        config = stage.config
        self.reads = reads
        self.writes = writes
        secrets = StageService.secrets(of: stage.name.role, topology, among: keyFiles)
        listener = stage.listener.map {
            Listener(
                bind: $0.bind, advertise: $0.advertise, ports: [$0.work, $0.news],
                callers: topology.allowedPeers(ofHub: stage.name))
        }
        func isRemote(_ hub: StageName) -> Bool { topology.hub(of: hub)?.isRemote ?? false }
        dials = topology.dials(of: stage.name).filter(isRemote).compactMap { hub in
            topology.stage(hub)?.listener.map { Dial(hub: hub, host: $0.advertise, ports: [$0.work, $0.news]) }
        }
        let links = topology.links.filter { !isRemote($0.to) && ($0.from == stage.name || $0.to == stage.name) }
        neighbours = Set(links.map { $0.from == stage.name ? $0.to : $0.from }).sorted()
        self.makesCode = makesCode
        memory = stage.memory ?? StageService.memory(of: stage.name.kind)
    }

    /// A stage's own two keys, with those that took their place, and what its kind holds beside them.
    private static func secrets(of role: StageRole, _ topology: Topology, among files: [String]) -> [String] {
        var stems = [("\(role)", "curve"), ("\(role)", "sign")]
        if role.kind == .encrypt { stems.append(("rounding", "secret")) }
        if role.kind == .publish {
            stems.append(("release", "sign"))
            if topology.suite == .paillier, topology.keys == .publisher { stems.append(("paillier", "secret")) }
        }
        return stems.flatMap { stem, ending in
            let later = files.filter { file in
                let parts = file.split(separator: ".", omittingEmptySubsequences: false)
                return parts.count == 3 && parts[0] == stem && parts[2] == ending && Int(parts[1]) != nil
            }
            return ["\(stem).\(ending)"] + later.sorted()
        }
    }

    /// The program's command line without its name.
    package func arguments(state: String, secrets: String, probe: String? = nil) -> [String] {
        ["--topology", topology] + stage.commandLine + ["--state", state]
            + (probe.map { ["--probe", $0] } ?? ["--secrets", secrets])
    }

    /// Its own folder in a state root.
    package func stateFolder(in root: String) -> String { "\(root)/\(stage.cloud)/\(stage.role)" }
}
