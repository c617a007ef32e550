internal import ArgumentParser
internal import Glibc
internal import Launching
internal import Topology

struct Apply: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract:
            "Brings this host's part of a running federation to a changed topology file, in the middle of a round.",
        discussion: """
            What `tributary plan` shows is done, one step after another: stages that are new are started, those that are changed \
            by it replaced as `tributary swap` does, those that are gone stopped. Each program's --check is run first, so that a \
            file which a stage refuses changes nothing. If a step fails, that stage goes on by what it was before (started anew, \
            where it had let go already), what comes after it is not done, and both are told: mend it, and apply again. Where clouds have launchers of their own, each operator \
            applies the same file on his own host. Status 0: in effect; 1: not all of it; 78: refused, nothing was done.
            """)

    @OptionGroup var options: TopologyOptions
    @OptionGroup var handOver: HandOverOptions

    private struct Answer: Encodable {
        let plan: PlanReport
        let result: ControlReply
    }

    func run() throws {
        let report = try PlanCall.ask(options)
        let terminal = Terminal()
        let isText = handOver.format == .text
        if isText { PlanText(terminal: terminal).show(report) }
        guard report.refusals.isEmpty, report.missing.isEmpty else {
            if !isText { try Envelope(report, exitCode: 78).printed() }
            throw ExitCode(78)
        }
        try check(report)
        let topology = try Topology.load(report.file, state: options.stateRoot, present: [])
        let request = ControlRequest(
            command: .apply, topology: report.file, drainSeconds: try handOver.drainSeconds(),
            standbySeconds: try handOver.standbySeconds(), takeoverSeconds: try handOver.takeoverSeconds())
        let result = try ControlCall.make(request, to: topology) { if isText { tell($0, of: report, terminal) } }
        let status: Int32 =
            switch result.event {
            case .applied: 0
            case .refused: 78
            default: 1
            }
        if isText {
            try conclude(result, of: report, terminal)
        } else {
            try Envelope(Answer(plan: report, result: result), exitCode: status).printed()
        }
        guard status == 0 else { throw ExitCode(status) }
    }

    /// Has every program that is to be started look at what it will be given, before anything is touched.
    private func check(_ report: PlanReport) throws {
        var faults: [String] = []
        for step in report.steps where step.here {
            guard let command = step.command, let program = command.first else { continue }
            let (status, words) = try Self.output(of: program, Array(command.dropFirst()) + ["--check"])
            if status != 0 {
                faults.append("\(step.stage): \(words.isEmpty ? "--check ended with \(status)" : words)")
            }
        }
        guard faults.isEmpty else {
            throw LauncherError.configuration("nothing was done: \(faults.joined(separator: "\n"))")
        }
    }

    /// Exit status, and what it said, at most 64 KiB of it.
    private static func output(of program: String, _ arguments: [String]) throws -> (Int32, String) {
        let (pid, reading) = try start(program, arguments)
        var (words, buffer) = ([UInt8](), [UInt8](repeating: 0, count: 4096))
        while case .bytes(let bytes) = try reading.read(into: &buffer) {
            if words.count < 65_536 { words += bytes }
        }
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0, errno == EINTR {}
        let code = status & 0x7F == 0 ? status >> 8 & 0xFF : 128 + status & 0x7F
        let text = String(decoding: words, as: UTF8.self)
        return (code, text.split(separator: "\n").map { Terminal.printable(String($0)) }.joined(separator: "\n"))
    }

    /// The program's pid and the end of a pipe that reads what it says. The writing end is the program's alone once this
    /// returns, so that its death ends the lines.
    private static func start(_ program: String, _ arguments: [String]) throws -> (Int32, Descriptor) {
        let (reading, writing) = try Descriptor.pipe()
        guard fcntl(reading.number, F_SETFL, 0) == 0 else { throw LauncherError.system("fcntl") }
        let pid = try StageProcess.start(
            program, arguments, environment: StageProcess.environment(["NOTIFY_SOCKET": nil]), output: writing)
        return (pid, reading)
    }

    private func tell(_ reply: ControlReply, of report: PlanReport, _ terminal: Terminal) {
        let stage = reply.stage ?? ""
        let time = reply.seconds.map { " after \(Terminal.seconds($0))" } ?? ""
        switch reply.event {
        case .standingBy: terminal.line("  \(stage): the new process is ready and has tested itself\(time)")
        case .released: terminal.line("  \(stage): the old one has let go\(time)")
        case .stopped: terminal.line("  \(stage): did not come to an end and was stopped: its work is done again")
        case .ended:
            let change = report.steps.first { $0.stage == stage }?.change ?? "changed"
            let pid = reply.pid.map { ", process \($0)" } ?? ""
            let note = reply.wasDown == true ? "; it was down, and there was nothing to hand over" : ""
            terminal.line("\(terminal.paint("✓", .green)) \(stage) \(change)\(pid)\(note)")
        default: break
        }
    }

    private func conclude(_ result: ControlReply, of report: PlanReport, _ terminal: Terminal) throws {
        let reason = Terminal.printable(result.reason ?? "")
        switch result.event {
        case .applied: terminal.line("\(report.file) is in effect on this host")
        case .refused: Terminal.warn("nothing was done: \(reason)")
        default:
            let state = result.wasDown == true ? "was down, and is still" : "goes on as it was"
            Terminal.warn("\(result.stage ?? "") \(state): \(reason)")
        }
        for line in result.log ?? [] { Terminal.complain("    " + LogLine(line).pretty(terminal)) }
    }
}
