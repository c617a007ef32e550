internal import ArgumentParser
internal import Configuration
internal import Federation
internal import Keys
internal import Launching
internal import Topology

struct Plan: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Shows what it takes to bring a running federation to a changed topology file; does nothing.",
        discussion: """
            Compared is with what the launcher on this state runs: its topology, its processes, and the files that they were \
            started from. With --against it is two files that are compared, and nothing need run. Lines: + is started, ~ is \
            replaced in place, - is stopped, in the order in which `tributary apply` does it; then what the operators of the \
            other clouds have to do, and what is missing. Status 0: sound, whatever there is to do; with --detailed-exitcode 0 \
            if there is nothing to do, 2 if there is. 78: the file is wrong, or asks for what no run can change.
            """)

    @OptionGroup var options: TopologyOptions
    @Option(help: ArgumentHelp("Compare with this file, not with what runs.", valueName: "topology"))
    var against: String?
    @Option(help: "With --against: the clouds of this host (repeatable); default: all.")
    var cloud: [String] = []
    @Flag(name: .customLong("detailed-exitcode"), help: "End with 2 if there is something to do.")
    var detailed = false
    @Option(help: "text or json.")
    var format: OutputFormat = .text

    func run() throws {
        let report = try against.map(compare) ?? PlanCall.ask(options)
        let status: Int32 = report.refusals.isEmpty ? (detailed && !report.isEmpty ? 2 : 0) : 78
        switch format {
        case .json: try Envelope(report, exitCode: status).printed()
        case .text: PlanText(terminal: Terminal()).show(report)
        }
        guard status == 0 else { throw ExitCode(status) }
    }

    private func compare(_ file: String) throws -> PlanReport {
        let new = try options.load(clouds: cloud, warns: false)
        let old = try Topology.load(file, state: new.statePath, present: [])
        let difference = TopologyDifference(from: old, to: new)
        let readiness = KeyReadiness(
            store: KeyStore(root: new.keysPath), old: old, new: new, stages: new.stages(in: cloud))
        func isHere(_ stage: StageName) -> Bool { cloud.isEmpty || cloud.contains(stage.cloud.description) }
        return PlanReport(
            from: old, to: new, own: difference.steps.filter { isHere($0.stage) }.map { ($0, nil) }, isHere: isHere,
            missing: readiness.lacks)
    }
}

/// Asks the launcher what it takes to come to a topology.
enum PlanCall {
    static func ask(_ options: TopologyOptions) throws -> PlanReport {
        // Its form and rules are told here, with places; which config files must be there is for the launcher to know.
        let topology = try Topology.load(try options.path, state: options.stateRoot, present: [])
        let request = ControlRequest(command: .plan, topology: topology.file.absolutePath)
        let reply = try ControlCall.make(request, to: topology) { _ in }
        guard let report = reply.plan else {
            throw LauncherError.configuration(reply.reason ?? "the launcher did not answer with a plan")
        }
        return report
    }
}

extension String {
    /// This path seen from the root.
    var absolutePath: String { FilePath.resolve(self, in: TopologyOptions.currentFolder) }
}
