internal import ArgumentParser
internal import Federation
internal import Glibc
internal import Topology
internal import View

struct ProbeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "probe",
        abstract: "Shows what the links between clouds are like, as the stages of this host have measured them.",
        discussion: """
            Nothing is sent: round trips are TCP's own, jitter is that of hubs' beats, and goodput is what came while chunks \
            were on their way, told by their receiver with the age of the figure. So a host shows what comes to its own \
            stages. With --active, iperf3 measures from here to the clouds whose `probe` in the topology allows it, one \
            after the other, and only while the stages of this host send and receive next to nothing there.
            """)

    @OptionGroup var options: TopologyOptions
    @Flag(help: "Measure with iperf3 where the topology allows it and the link is idle.")
    var active = false
    @Option(help: "With --active: the cloud that this host is of.")
    var cloud: String?
    @Option(help: "With --active: to these clouds only (repeatable); default: all others.")
    var to: [String] = []
    @Option(help: "With --active: seconds that each measurement takes, each way.")
    var seconds = 3
    @Option(help: "text or json.")
    var format: OutputFormat = .text

    func validate() throws {
        guard (1...60).contains(seconds) else { throw ValidationError("--seconds: expected 1 to 60") }
        guard active == (cloud != nil) else {
            throw ValidationError(
                active ? "--active: which cloud is this host of? Say --cloud NAME" : "--cloud goes with --active")
        }
    }

    func run() throws {
        let topology = try options.load(warns: false)
        var report = ProbeReport(topology, now: ProbeReport.now)
        if active, let cloud {
            guard let own = topology.clouds.first(where: { "\($0.name)" == cloud })?.name else {
                throw LauncherError.arguments("--cloud: \(topology.file) has no cloud \(cloud)")
            }
            let others = topology.clouds.map(\.name).filter { $0 != own }
            let chosen =
                try to.isEmpty
                ? others
                : to.map { text in
                    guard let name = others.first(where: { "\($0)" == text }) else {
                        throw LauncherError.arguments("--to: \(topology.file) has no other cloud \(text)")
                    }
                    return name
                }
            report.active = chosen.map { ActiveProbe(topology, from: own, to: $0, seconds: seconds).measure() }
        }
        let hasFailed = report.active?.contains { $0.refusal != nil } ?? false
        switch format {
        case .json: try Envelope(report, exitCode: hasFailed ? 1 : 0).printed()
        case .text: ProbeText(Terminal()).show(report)
        }
        if hasFailed { throw ExitCode(1) }
    }
}
