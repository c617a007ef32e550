internal import ArgumentParser
internal import Federation
internal import Glibc
internal import Launching
internal import Topology

struct Swap: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Replaces a running stage by another binary or config, in the middle of a round.",
        discussion: """
            The new process gets ready beside the old one and tests itself; then the old one finishes what it has in hand \
            and lets go of the stage's state, and the new one goes on from its journal. What fails before the old one has let \
            go leaves it undisturbed; if the new one fails after that, before it is ready, the program that ran before is \
            started anew from the same journal. A stage that is down is started by the new program at once. Status 0: the new \
            process is the stage; 1: it is not, and why is told. \
            What a swap changes stays in effect over starts, until a topology is applied: to keep it for good, put config \
            and `binary` into the topology.
            """)

    @Argument(help: ArgumentHelp("Which stage: encrypt@north, or aggregate where there is one.", valueName: "stage"))
    var stage: String
    @OptionGroup var options: TopologyOptions
    @Option(help: "The program to run from now on; default: the one that runs, read anew from its file.")
    var binary: String?
    @Option(help: "The stage's config from now on; default: the one that it has, read anew.")
    var config: String?
    @OptionGroup var handOver: HandOverOptions

    private struct Answer: Encodable {
        let stage: String
        let result: ControlReply
    }

    func run() throws {
        let topology = try options.load(warns: false)
        let name = try StageArgument.resolve(stage, in: topology)
        let request = ControlRequest(
            command: .swap, stage: name.description, binary: try binary.map { try file($0, mode: X_OK, "--binary") },
            config: try config.map { try file($0, mode: R_OK, "--config") },
            drainSeconds: try handOver.drainSeconds(), standbySeconds: try handOver.standbySeconds(),
            takeoverSeconds: try handOver.takeoverSeconds())
        let terminal = Terminal()
        let result = try ControlCall.make(request, to: topology) { reply in
            guard handOver.format == .text else { return }
            let time = reply.seconds.map { " after \(Terminal.seconds($0))" } ?? ""
            switch reply.event {
            case .standingBy: terminal.line("  the new process is ready and has tested itself\(time)")
            case .released: terminal.line("  the old one has let go\(time)")
            case .stopped: terminal.line("  the old one did not come to an end and was stopped: its work is done again")
            default: break
            }
        }
        if handOver.format == .json {
            try Envelope(
                Answer(stage: name.description, result: result), exitCode: result.event == .done ? 0 : 1
            ).printed()
        } else {
            try tell(result, of: name, terminal)
        }
        guard result.event == .done else { throw ExitCode(1) }
    }

    private func tell(_ result: ControlReply, of stage: StageName, _ terminal: Terminal) throws {
        let reason = Terminal.printable(result.reason ?? "")
        switch result.event {
        case .done:
            let pid = result.pid.map { " as process \($0)" } ?? ""
            if result.wasDown == true {
                let time = result.seconds.map { ", after \(Terminal.seconds($0))" } ?? ""
                return terminal.line(
                    "\(terminal.paint("✓", .green)) \(stage) runs again\(pid)\(time): it was down, and there was nothing to hand over"
                )
            }
            let time = result.seconds.map { ", \(Terminal.seconds($0)) without one" } ?? ""
            terminal.line("\(terminal.paint("✓", .green)) \(stage) goes on\(pid)\(time)")
        case .refused: Terminal.warn("\(stage) was not replaced: \(reason)")
        case .failed where result.wasDown == true:
            Terminal.warn("\(stage) was down, and is still: \(reason)")
        case .failed: Terminal.warn("\(stage) was not replaced, the old process goes on: \(reason)")
        case .rolledBack:
            Terminal.warn("\(stage): the new process took over and failed, the program before runs again: \(reason)")
        case .standingBy, .released, .stopped, .plan, .began, .ended, .applied, .unfinished: break
        }
        for line in result.log ?? [] { Terminal.complain("    " + LogLine(line).pretty(terminal)) }
    }

    private func file(_ path: String, mode: Int32, _ option: String) throws -> String {
        guard let whole = realpath(path, nil) else {
            throw LauncherError.arguments("\(option): \(path): \(String(cString: strerror(errno)))")
        }
        defer { free(whole) }
        guard access(whole, mode) == 0 else {
            throw LauncherError.arguments("\(option): \(path): \(String(cString: strerror(errno)))")
        }
        return String(cString: whole)
    }
}

/// A stage as a user names it: KIND@CLOUD, CLOUD/KIND, or KIND alone where there is one of it.
enum StageArgument {
    static func resolve(_ text: String, in topology: Topology) throws -> StageName {
        let names = topology.stages.map(\.name)
        let matches = names.filter {
            text == "\($0.role)@\($0.cloud)" || text == $0.description || text == $0.role.description
        }
        guard let name = matches.first, matches.count == 1 else {
            let choices = (matches.isEmpty ? names : matches).map { "\($0.role)@\($0.cloud)" }.joined(separator: ", ")
            throw LauncherError.arguments(
                matches.isEmpty ? "there is no stage \(text): \(choices)" : "which \(text)? \(choices)")
        }
        return name
    }
}
