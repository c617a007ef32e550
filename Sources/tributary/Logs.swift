internal import ArgumentParser
internal import Federation
internal import Topology

struct Logs: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Shows what stages logged, oldest first; of one stage, or of all of them.")

    @OptionGroup var host: StagesOfHost
    @Flag(name: .shortAndLong, help: "Go on with what is logged from now.")
    var follow = false
    @Option(name: .shortAndLong, help: "Only the last lines of each stage.")
    var lines: Int?
    @Option(help: "text, or json: the lines as they were written.")
    var format: OutputFormat = .text

    func run() throws {
        let (topology, stages) = try host.load()
        var readers = stages.map { LogReader(path: topology.logPath(of: $0)) }
        let terminal = Terminal()
        let watch = follow ? try FolderWatch("\(topology.statePath)/logs") : nil
        var entries: [LogLine] = []
        for index in readers.indices {
            let read = try readers[index].newLines().map { LogLine($0) }
            entries += lines.map { Array(read.suffix(max($0, 0))) } ?? read
        }
        show(entries, terminal)
        guard let watch else { return }
        while true {
            try watch.wait()
            var entries: [LogLine] = []
            for index in readers.indices { entries += try readers[index].newLines().map { LogLine($0) } }
            show(entries, terminal)
        }
    }

    /// Lines without a time of their own (a crash's last words) stay behind the line that they followed.
    private func show(_ entries: [LogLine], _ terminal: Terminal) {
        var timed: [(time: String, order: Int, line: LogLine)] = []
        var last = ""
        for (order, line) in entries.enumerated() {
            last = line.time ?? last
            timed.append((last, order, line))
        }
        for entry in timed.sorted(by: { ($0.time, $0.order) < ($1.time, $1.order) }) {
            terminal.line(format == .json ? entry.line.raw : entry.line.pretty(terminal))
        }
    }
}
