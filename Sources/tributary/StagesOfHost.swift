internal import ArgumentParser
internal import Federation
internal import Topology

/// Which stages' logs or events are wanted: the argument is a stage, so the topology is an option.
struct StagesOfHost: ParsableArguments {
    @Argument(help: "STAGE@CLOUD (encrypt@north); all stages without it.")
    var stage: String?
    @Option(name: .shortAndLong, help: "The topology file; without it the one that TRIBUTARY_TOPOLOGY names.")
    var topology: String?
    @Option(
        help: "Where state is kept; without it where TRIBUTARY_STATE says, else $XDG_STATE_HOME/tributary/FEDERATION.")
    var state: String?

    /// The topology, and the one stage that was asked for or all.
    func load() throws -> (topology: Topology, stages: [StageName]) {
        var options = TopologyOptions()
        options.topology = topology
        options.state = state
        let topology = try options.load(warns: false)
        return (topology, try choice(in: topology))
    }

    private func choice(in topology: Topology) throws -> [StageName] {
        guard let stage else { return topology.stages.map(\.name) }
        let parts = stage.split(separator: "@", omittingEmptySubsequences: false)
        let name: StageName
        do {
            name = try parts.count == 2 ? StageName("\(parts[1])/\(parts[0])") : StageName(stage)
        } catch { throw LauncherError.arguments("expected STAGE@CLOUD, such as encrypt@north, found \"\(stage)\"") }
        guard topology.stage(name) != nil else {
            throw LauncherError.arguments("\(topology.file) has no stage \(name)")
        }
        return [name]
    }
}
