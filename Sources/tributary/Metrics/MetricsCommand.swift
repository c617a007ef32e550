internal import ArgumentParser
internal import Topology

struct MetricsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "metrics",
        abstract: "Prints what this host's stages count, as Prometheus reads it.",
        discussion: """
            For a textfile collector, or a look. `tributary web` serves the same at /metrics. tributary_stage_up is 0 for a stage that has \
            not looked at itself for ten seconds. docs/events.md describes every metric.
            """)

    @OptionGroup var options: TopologyOptions
    @Option(name: .customLong("cloud"), help: "Only the stages of this cloud; may be repeated.")
    var clouds: [String] = []

    func run() throws {
        let topology = try options.load(clouds: clouds, warns: false)
        print(HostMetrics(topology, clouds: clouds).text, terminator: "")
    }
}
