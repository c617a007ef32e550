internal import ArgumentParser
internal import Configuration
internal import Federation
internal import Glibc
internal import Launching
internal import Topology

struct Ps: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Shows what runs: stages, their processes and readiness.")

    @OptionGroup var options: TopologyOptions
    @Option(help: "text or json.")
    var format: OutputFormat = .text
    @Option(
        help: ArgumentHelp(
            "Print the process of this stage alone: `kill -9 $(tributary ps --pid aggregate)`.", valueName: "stage"))
    var pid: String?

    private struct Answer: Encodable {
        let running: Bool
        let launcher: LauncherRecord?
    }

    @Flag(help: "Wait until every stage is ready.")
    var wait = false
    @Option(help: "How long --wait waits.")
    var timeout = "2m"

    func run() throws {
        let topology = try options.load(warns: false)
        if wait { try waitForAll(topology) }
        let holder = try StateLock.holder(topology.statePath)
        let record = try LauncherRecord.read(topology.statePath)
        if let pid { return try printProcess(of: StageArgument.resolve(pid, in: topology), holder, record) }
        if format == .json { return try Envelope(Answer(running: holder != nil, launcher: record)).printed() }
        let others = holder == nil ? UnlaunchedCheck.count(topology, topology.stages.map(\.name)) : 0
        if others > 0 {
            print(
                "\(topology.federation): no launcher; \(others) stages run under something else: `tributary doctor --all` tells of each"
            )
            return
        }
        guard let record else {
            print("nothing has run on \(topology.statePath)")
            return
        }
        let terminal = Terminal()
        if let holder {
            let ready = record.readySeconds.map { ", ready after \(Terminal.seconds($0))" } ?? ""
            print("\(record.federation): launcher \(holder) since \(record.started)\(ready)")
        } else {
            print("\(record.federation): not running; as it was left:")
        }
        let width = max(5, record.stages.map(\.stage.count).max() ?? 0)
        print(
            terminal.paint(
                "\(Terminal.padded("STAGE", width))  STATE        PID      READY IN  RESTARTS  STATUS", .grey))
        for stage in record.stages {
            let alive = holder != nil
            let known = stage.has(.still) ? "still" : stage.state
            let state = alive || stage.state == "ended" ? known : "gone"
            let colour: Terminal.Colour =
                state == "ready" ? .green : state == "ended" || state == "gone" ? .grey : .yellow
            let now = TimeOfDay.seconds()
            let troubles = stage.troubles ?? []
            let end = troubles.first { $0.kind == .killed }.map { $0.line(now) } ?? stage.lastEnd
            let status =
                ([stage.status.map { $0 + (alive ? stage.since(now) : "") }, end.map { "last end: \($0)" }]
                .compactMap { $0 }
                + (alive ? troubles : []).filter { $0.kind != .killed }.map { $0.line(now) })
                .joined(separator: "; ")
            print(
                Terminal.padded(stage.stage, width) + "  "
                    + terminal.paint(Terminal.padded(state, 11), colour) + "  "
                    + Terminal.padded(stage.pid.map { alive ? "\($0)" : "-" } ?? "-", 7) + "  "
                    + Terminal.padded(stage.readySeconds.map(Terminal.seconds) ?? "-", 8) + "  "
                    + Terminal.padded("\(stage.restarts)", 8) + "  " + Terminal.printable(status))
        }
    }

    private func waitForAll(_ topology: Topology) throws {
        guard let limit = Quantity.duration(timeout) else {
            throw LauncherError.arguments("--timeout: expected a duration such as 30s, found \"\(timeout)\"")
        }
        let deadline = ContinuousClock.now + limit
        func checkLauncher() throws {
            guard try StateLock.holder(topology.statePath) != nil else {
                throw LauncherError.runFailed("nothing runs on \(topology.statePath): start it with `tributary up`")
            }
        }
        try checkLauncher()
        let watch = try FolderWatch(topology.statePath)
        while true {
            try checkLauncher()
            let stages = try LauncherRecord.read(topology.statePath)?.stages ?? []
            // The record may be a moment behind: a process that has just been killed is not ready, whatever it says.
            if !stages.isEmpty, stages.allSatisfy({ $0.state == "ready" && ProcessState.runs($0.pid) }) { return }
            guard .now < deadline else {
                let late = stages.filter { $0.state != "ready" }.map(\.stage).joined(separator: ", ")
                throw LauncherError.timeout("not ready within \(timeout): \(late); see `tributary doctor`")
            }
            // The launcher writes its record whenever something changes. That it was killed itself is seen at the next look.
            try watch.wait(milliseconds: 500)
        }
    }

    private func printProcess(of stage: StageName, _ holder: Int32?, _ record: LauncherRecord?) throws {
        guard holder != nil, let pid = record?.stages.first(where: { $0.stage == stage.description })?.pid else {
            throw LauncherError.runFailed("\(stage) does not run here: see `tributary ps`")
        }
        print(pid)
    }
}

enum ProcessState {
    /// Whether a process is there and no zombie.
    static func runs(_ pid: Int32?) -> Bool {
        guard let state = pid.flatMap(letter) else { return false }
        return state != "Z" && state != "X"
    }

    /// R, S, D, T and so on (proc(5), `stat`); nil where there is no such process.
    static func letter(of pid: Int32) -> Character? {
        guard let file = fopen("/proc/\(pid)/stat", "r") else { return nil }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 512)
        guard fgets(&line, 512, file) != nil else { return nil }
        // The name, in parentheses, may hold anything; the state follows the last one.
        let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return text.split(separator: ")").last?.drop { $0 == " " }.first
    }
}
