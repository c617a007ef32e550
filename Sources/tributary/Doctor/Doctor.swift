internal import ArgumentParser
internal import Federation
internal import Topology

struct Doctor: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Tells what is wrong: keys, disk, processes, routes, handshakes, clocks, and who waits for whom.",
        discussion: """
            Dials every hub that this host's stages dial, with their own keys, and says what hinders. Changes nothing. Exits with \
            1 where something has failed, with 0 otherwise.
            """)

    @OptionGroup var options: TopologyOptions
    @Option(
        help: "Look at the stages of this cloud alone (repeatable). Default: of the clouds whose secret keys are here.")
    var cloud: [String] = []
    @Option(help: "text or json.")
    var format: OutputFormat = .text
    @Flag(help: "Show what is in order, too.")
    var all = false

    func run() throws {
        let topology = try options.load(clouds: cloud, warns: false)
        let terminal = Terminal()
        let view = FindingView(terminal: terminal, all: all)
        var findings: [Finding] = []
        func look(_ checks: () throws -> [Finding]) rethrows {
            for finding in try checks() {
                findings.append(finding)
                if format == .text { view.show(finding) }
            }
        }
        look {
            [
                Finding(
                    .fine, "topology", topology.file, "\(topology.clouds.count) clouds, \(topology.stages.count) stages"
                )
            ]
                + topology.warnings.map { Finding(.warning, "topology", topology.file, "\($0)") }
        }
        let keys = KeyCheck(topology, clouds: cloud)
        look { keys.findings }
        look { DiskCheck.findings(topology, keys.stages) }
        try look { try StageCheck.findings(topology, keys.stages) }
        let supervised = try StageCheck.supervised(topology, keys.stages)
        look { LogCheck.findings(topology, keys.stages, supervised: supervised) }
        // Each may take seconds, so each is shown as it is known.
        for stage in keys.stages.filter(keys.isUsable) {
            for hub in topology.dials(of: stage) {
                if let finding = try LinkCheck(topology, from: stage, to: hub).finding() { look { [finding] } }
            }
        }
        let worst = findings.map(\.verdict).max() ?? .fine
        let status: Int32 = worst == .failure ? 1 : 0
        switch format {
        case .json: try Envelope(findings, exitCode: status).printed()
        case .text: view.sum(findings)
        }
        guard status == 0 else { throw ExitCode(status) }
    }
}

/// Findings as people read them: what is wrong and, below it, what to do.
struct FindingView {
    let terminal: Terminal
    let all: Bool

    func show(_ finding: Finding) {
        guard all || finding.verdict != .fine else { return }
        let (sign, colour): (String, Terminal.Colour) =
            switch finding.verdict {
            case .fine: ("✓", .green)
            case .warning: ("!", .yellow)
            case .failure: ("✗", .red)
            }
        let subject = Terminal.printable(finding.subject)
        terminal.line(
            "\(terminal.paint(sign, colour)) \(Terminal.padded(finding.area, 8)) \(subject): \(Terminal.printable(finding.finding))"
        )
        if let advice = finding.advice { terminal.line("           → \(Terminal.printable(advice))") }
    }

    func sum(_ findings: [Finding]) {
        func count(_ verdict: Finding.Verdict) -> Int { findings.count { $0.verdict == verdict } }
        let (failed, warned) = (count(.failure), count(.warning))
        guard failed + warned > 0 else { return terminal.line("all \(findings.count) checks are in order") }
        terminal.line("\(findings.count) checks: \(failed) failed, \(warned) to look at")
    }
}
