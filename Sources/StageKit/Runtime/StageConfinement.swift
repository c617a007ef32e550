internal import Federation
internal import Glibc
internal import Monitoring
internal import Topology

/// The files that a stage's config names, and that it opens once it is confined.
package struct StageFiles: Sendable {
    package let reads: [String]
    package let writes: [String]
    /// A shared library that it loads later, with those that this one needs.
    package let libraries: [String]

    package init(reads: [String?] = [], writes: [String?] = [], libraries: [String] = []) {
        self.reads = reads.compactMap(\.self)
        self.writes = writes.compactMap(\.self)
        self.libraries = libraries
    }
}

extension Confinement {
    /// A stage's own state, its cloud's keys, what its config names, and the ports that the topology gives it.
    static func of(
        _ stage: StageName, in topology: Topology, config: String, files: StageFiles, plan: PostPlan
    ) -> Confinement {
        var confinement = Confinement.ofAnyProgram
        for path in [topology.file, config] { confinement.allow(.read, path) }
        for path in files.reads { confinement.allowReadingWithLinks(path) }
        for path in files.libraries { confinement.allowLoading(path) }
        for path in files.writes { confinement.allow(.write, path) }
        confinement.allow(.write, topology.stateFolder(of: stage))
        confinement.allow(.write, topology.socketFolder(of: stage.cloud))
        let keys = topology.keysPath
        // Publish looks at the choice of a key of sums, which lies beside the keys and is replaced as a whole.
        for path in stage.kind == .publish ? [keys] : ["\(keys)/public", "\(keys)/secret/\(stage.cloud)"] {
            confinement.allow(.read, path)
        }
        if let hub = plan.hub { for end in [hub.work, hub.news] { port(end).map { confinement.allowBinding($0) } } }
        for dial in plan.dials {
            for end in [dial.work, dial.news] { port(end).map { confinement.allowConnecting(to: $0) } }
        }
        return confinement
    }

    /// Of a ZeroMQ endpoint; nil for ipc.
    private static func port(_ endpoint: String) -> UInt16? {
        guard endpoint.hasPrefix("tcp://") else { return nil }
        return endpoint.split(separator: ":").last.flatMap { UInt16($0) }
    }
}

extension Confinement.Outcome {
    /// Says what holds, and what does not.
    func log(to log: EventLog) {
        let fields: EventFields = [
            .landlock: .number(landlock), .ports: .flag(closesPorts), .seccomp: .flag(isFiltered),
        ]
        guard gaps.isEmpty else {
            return log.tell(.partlyConfined, fields + [.reason: .text(gaps.joined(separator: "; "))])
        }
        log.tell(.confined, fields)
    }
}
