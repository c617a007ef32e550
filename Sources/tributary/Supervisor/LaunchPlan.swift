internal import Configuration
internal import Federation
internal import Glibc
internal import Topology

/// How a launcher makes its stages of a topology: what `up` was told beside it.
struct LaunchPlan {
    /// Where the stage programs are that the topology names none of its own for.
    let folder: String
    let logLevel: String?
    /// Whether the stages keep all rights of their user.
    let isUnconfined: Bool
    /// Of this host; all where it is empty.
    let clouds: [String]
    /// Nobody reads the launcher's standard output any more.
    let isBackground: Bool

    /// The programs of this host's stages. Throws if one cannot be run.
    func programs(_ topology: Topology) throws -> [Launcher.Program] {
        var missing: Set<String> = []
        let programs = topology.stages(in: clouds).map { stage in
            let path = topology.stage(stage)?.binary ?? "\(folder)/tributary-\(stage.kind)"
            if access(path, X_OK) != 0 { missing.insert(path) }
            var arguments = ["--topology", topology.file] + stage.commandLine + ["--state", topology.statePath]
            if isUnconfined { arguments.append("--unconfined") }
            if let logLevel { arguments += ["--log-level", logLevel] }
            return Launcher.Program(stage: stage, path: path, arguments: arguments, topology: topology)
        }
        guard missing.isEmpty else {
            throw LauncherError.configuration(
                "cannot be run: \(missing.sorted().joined(separator: ", ")); give --stages DIR, set TRIBUTARY_STAGES, or put `binary` into the topology"
            )
        }
        return programs
    }

    /// The topology in another file, as this launcher would take it up.
    func load(_ file: String, state: String) throws(ConfigurationError) -> Topology {
        guard !clouds.isEmpty else { return try Topology.load(file, state: state) }
        // A cloud that the file has no more needs no config files of its own here.
        let whole = try Topology.load(file, state: state, present: [])
        let present = whole.clouds.map(\.name).filter { clouds.contains($0.description) }
        return try Topology.load(file, state: state, present: Set(present))
    }
}
