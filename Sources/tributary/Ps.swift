internal import ArgumentParser
internal import Topology

struct Ps: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Shows what runs: stages, their processes and readiness.")

    @OptionGroup var options: TopologyOptions
    @Option(help: "text or json.")
    var format: OutputFormat = .text

    private struct Answer: Encodable {
        let running: Bool
        let launcher: LauncherRecord?
    }

    func run() throws {
        let topology = try options.load(warns: false)
        let holder = try StateLock.holder(topology.statePath)
        let record = try LauncherRecord.read(topology.statePath)
        if format == .json { return try Envelope(Answer(running: holder != nil, launcher: record)).printed() }
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
            let state = alive || stage.state == "ended" ? stage.state : "gone"
            let colour: Terminal.Colour =
                state == "ready" ? .green : state == "ended" || state == "gone" ? .grey : .yellow
            let status = [
                stage.status.map { $0 + (alive ? stage.since(TimeOfDay.seconds()) : "") },
                stage.lastEnd.map { "last end: \($0)" },
            ].compactMap { $0 }.joined(separator: "; ")
            print(
                Terminal.padded(stage.stage, width) + "  "
                    + terminal.paint(Terminal.padded(state, 11), colour) + "  "
                    + Terminal.padded(stage.pid.map { alive ? "\($0)" : "-" } ?? "-", 7) + "  "
                    + Terminal.padded(stage.readySeconds.map(Terminal.seconds) ?? "-", 8) + "  "
                    + Terminal.padded("\(stage.restarts)", 8) + "  " + Terminal.printable(status))
        }
    }
}
