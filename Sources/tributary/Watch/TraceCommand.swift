internal import ArgumentParser
internal import Federation
internal import Glibc
internal import JSONText
internal import Monitoring
internal import Topology
internal import View

struct TraceCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "trace",
        abstract: "Draws a round over all clouds of this host: what took how long, and what waited for what.",
        discussion: """
            Every round is one trace; its id comes from the round's opening, so that it is the same on every host. Files that are \
            written for other tools: --chrome for Perfetto or chrome://tracing, --otlp for what takes OTLP/JSON traces.
            """)

    @Argument(help: "The round's number, or `last`: the newest that has ended.")
    var round: String
    @OptionGroup var options: TopologyOptions
    @Option(help: "text or json.")
    var format: OutputFormat = .text
    @Option(help: ArgumentHelp("Write Chrome's trace event format to this file.", valueName: "file"))
    var chrome: String?
    @Option(help: ArgumentHelp("Write an OTLP/JSON export request to this file.", valueName: "file"))
    var otlp: String?
    @Option(help: "Columns; default: the terminal's, or 100.")
    var width: Int?
    @Flag(help: "Draw with ASCII alone; the default where the locale has no UTF-8.")
    var ascii = false

    func run() throws {
        let isLast = round == "last"
        let given = UInt32(round)
        guard isLast || (given ?? 0) > 0 else {
            throw LauncherError.arguments("expected a round's number or `last`, found \"\(round)\"")
        }
        let topology = try options.load(warns: false)
        var feed = SpoolFeed(topology)
        var (events, newest): ([Event], UInt32) = ([], 0)
        var isMore = true
        while isMore {
            isMore = try feed.read { event in
                let isEnd =
                    event.name == EventKind.roundReleased.name || event.name == EventKind.roundAbandoned.name
                if isLast {
                    // Of the newest round that has ended, and of those after it, which may end too.
                    if isEnd, event.round.value > newest {
                        newest = event.round.value
                        events.removeAll { $0.round.value < newest }
                    }
                    if event.round.value >= max(newest, 1) { events.append(event) }
                } else if event.round.value == given {
                    events.append(event)
                } else if isEnd {
                    newest = max(newest, event.round.value)
                }
            }
        }
        let number = given ?? newest
        guard number > 0 else { throw LauncherError.runFailed("no round has ended on \(topology.statePath) yet") }
        let trace: RoundTrace
        do { trace = try RoundTrace(number, of: FederationPlan(topology), events: events) } catch {
            let there = newest > 0 ? "; the newest that has ended here is \(newest)" : ""
            throw LauncherError.runFailed("\(error)\(there)")
        }
        try write(trace.chrome, to: chrome)
        try write(trace.otlp, to: otlp)
        if format == .json { return print(String(decoding: try trace.json.encoded(), as: UTF8.self), terminator: "") }
        let terminal = Terminal()
        var size = winsize()
        let columns = ioctl(1, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0 ? Int(size.ws_col) : 100
        let glyphs: Glyphs = ascii || !Locale.hasUTF8 ? .ascii : .unicode
        for line in trace.waterfall(width: max(60, min(width ?? columns, 500)), glyphs: glyphs) {
            print(terminal.hasColour ? line.coloured : line.plain)
        }
    }

    private func write(_ json: JSON, to path: String?) throws {
        guard let path else { return }
        let file = try Descriptor.opening(path, O_WRONLY | O_CREAT | O_TRUNC, mode: 0o644)
        try file.writeAll(try json.encoded(.compact))
    }
}
