package import Configuration
package import Federation
internal import Glibc

extension Topology {
    /// Reads and checks a topology file; throws everything that is wrong with it at once.
    ///
    /// `state` stands for the default state root, `$XDG_STATE_HOME/tributary/FEDERATION`. Config files must exist for the
    /// clouds in `present` (nil: all): a host of one cloud need not have those of the others.
    package static func load(
        _ path: String, state: String? = nil, present: Set<CloudName>? = nil
    ) throws(ConfigurationError) -> Topology {
        try make(try Document(at: path), state: state, present: present)
    }

    /// The same for text that is at hand; `file` names it and places its relative paths.
    package static func load(
        text: String, file: String, state: String? = nil, present: Set<CloudName>? = nil
    ) throws(ConfigurationError) -> Topology {
        try make(try Document(text: text, file: file), state: state, present: present)
    }

    private static func make(
        _ document: Document, state: String?, present: Set<CloudName>?
    ) throws(ConfigurationError) -> Topology {
        let problems = document.problems
        let file = TopologyFile(from: document.root)
        document.root.finish()
        TopologyRules(file: file, problems: problems).check()
        file.checkSinks(problems)
        for cloud in file.clouds where present?.contains(cloud.name) ?? true {
            for stage in cloud.stages where !stage.config.isEmpty {
                guard let obstacle = FilePath.obstacle(at: stage.config, as: .file) else { continue }
                problems.note("config of \(cloud.name)/\(stage.role): \(obstacle)", at: stage.configPlace)
            }
            for stage in cloud.stages {
                guard let binary = stage.binary, !binary.isEmpty else { continue }
                let name = "\(cloud.name)/\(stage.role)"
                if let obstacle = FilePath.obstacle(at: binary, as: .file) {
                    problems.note("binary of \(name): \(obstacle)", at: stage.binaryPlace)
                } else if access(binary, X_OK) != 0 {
                    problems.note(
                        "binary of \(name): \(binary) may not be executed: `chmod +x` it", at: stage.binaryPlace)
                }
            }
        }
        if let present {
            let names = file.clouds.map(\.name.description)
            for name in present.sorted() where !names.contains(name.description) {
                let hint = Suggestion.hint(for: name.description, among: names)
                problems.note("has no cloud \(name)\(hint); clouds are \(names.joined(separator: ", "))", at: nil)
            }
        }
        try problems.throwIfAny()
        func only(_ kind: StageKind) -> StageName? {
            file.clouds.first { $0.stage(kind) != nil }.map { StageName(cloud: $0.name, kind: kind) }
        }
        guard let run = file.run, let aggregate = only(.aggregate), let publish = only(.publish) else {
            preconditionFailure("the rules above note a missing run, aggregate or publish")
        }
        let clouds = file.clouds.map { cloud in
            let stages = cloud.stages.map { stage in
                Stage(
                    name: StageName(cloud: cloud.name, role: stage.role), owner: stage.owner ?? cloud.owner,
                    config: stage.config, binary: stage.binary, memory: stage.memory, listener: stage.listener,
                    speed: stage.speed)
            }
            return Cloud(
                name: cloud.name, owner: cloud.owner, consent: cloud.consent, stages: stages,
                sinks: (file.sinks + cloud.sinks).map(\.specification), probe: cloud.probe, prices: cloud.prices,
                partitioning: cloud.partitioning ?? Partitioning())
        }
        return Topology(
            file: problems.file, federation: file.federation, run: run, suite: file.suite, keys: file.keys,
            threshold: file.threshold,
            profile: file.profile, damgardJurik: file.damgardJurik, clouds: clouds,
            aggregate: aggregate, publish: publish, peerLimits: file.peerLimits, spoolLimit: file.spoolLimit,
            currency: file.currency,
            statePath: state.map { FilePath.resolve($0, in: currentFolder) } ?? defaultState(of: file.federation),
            warnings: problems.warnings)
    }

    private static func defaultState(of federation: String) -> String {
        func variable(_ name: String) -> String? {
            getenv(name).map { String(cString: $0) }.flatMap { $0.hasPrefix("/") ? $0 : nil }
        }
        let base = variable("XDG_STATE_HOME") ?? "\(variable("HOME") ?? "/tmp")/.local/state"
        return "\(base)/tributary/\(federation)"
    }

    private static var currentFolder: String {
        guard let path = getcwd(nil, 0) else { return "." }
        defer { free(path) }
        return String(cString: path)
    }
}
