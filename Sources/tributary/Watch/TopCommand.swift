internal import ArgumentParser
internal import Glibc
internal import Monitoring
internal import Topology
internal import View

struct TopCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "top",
        abstract: "Shows a federation as it runs: stages and whom they wait for, rounds, learning, rates.",
        discussion: """
            Reads the events that this host's stages keep under the state root, and the launcher's record; it changes nothing. Keys: \
            arrows or j and k choose a stage, enter shows its events, ? tells the rest, q quits. Where standard output is no \
            terminal, or TERM is dumb, one frame is printed, as with --once.
            """)

    @OptionGroup var options: TopologyOptions
    @Flag(help: "Print one frame and end.")
    var once = false
    @Option(help: "With --once: columns; default: COLUMNS, or 80.")
    var width: Int?
    @Option(help: "With --once: lines; default: as many as it takes.")
    var height: Int?
    @Flag(help: "Draw with ASCII alone; the default where the locale has no UTF-8.")
    var ascii = false

    func run() throws {
        let topology = try options.load(warns: false)
        let terminal = Terminal()
        let isDumb = getenv("TERM").map { String(cString: $0) == "dumb" } ?? true
        let isLive = !once && isatty(0) == 1 && isatty(1) == 1 && !isDumb
        let glyphs: Glyphs = ascii || !Locale.hasUTF8 ? .ascii : .unicode
        guard isLive else { return try printOnce(topology, glyphs, terminal) }
        // Before any thread is made, and before the terminal is touched.
        let signals = try SignalWatch([SIGWINCH, SIGTERM, SIGINT, SIGHUP])
        let watch = try SpoolWatch(topology)
        let raw = try RawTerminal()
        defer { raw.restore() }
        try follow(topology, TopScreen(FederationPlan(topology), glyphs: glyphs), raw, signals, watch, terminal)
    }

    private func printOnce(_ topology: Topology, _ glyphs: Glyphs, _ terminal: Terminal) throws {
        var watching = Watching(topology)
        while try watching.read() {}
        let columns = getenv("COLUMNS").flatMap { Int(String(cString: $0)) }
        let width = max(20, min(width ?? columns ?? 80, 500))
        let height = max(4, min(height ?? watching.view.stages.count + 26, 1000))
        let screen = TopScreen(watching.view.plan, glyphs: glyphs, isInteractive: false)
        var lines = screen.frame(of: watching.view, at: Timestamp.nanoseconds(), width: width, height: height)
        while lines.last?.width == 0 { lines.removeLast() }
        for line in lines { print(terminal.hasColour ? line.coloured : line.plain) }
    }

    private func follow(
        _ topology: Topology, _ start: TopScreen, _ raw: RawTerminal, _ signals: SignalWatch, _ watch: SpoolWatch,
        _ terminal: Terminal
    ) throws {
        var (screen, keys, watching) = (start, KeyReader(), Watching(topology))
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            watch.refresh()
            try watch.drain()
            let isMore = try watching.read()
            let size = raw.size
            let frame = screen.frame(
                of: watching.view, at: Timestamp.nanoseconds(), width: size.width, height: size.height)
            raw.draw(frame.map { terminal.hasColour ? $0.coloured : $0.plain })
            // Ten frames a second are enough: what comes meanwhile waits. A key is answered at once.
            var items = [
                pollfd(fd: 0, events: Int16(POLLIN), revents: 0),
                pollfd(fd: signals.readable.number, events: Int16(POLLIN), revents: 0),
            ]
            var woken = poll(&items, 2, isMore ? 0 : 100)
            if woken == 0, !isMore {
                items.append(pollfd(fd: watch.descriptor.number, events: Int16(POLLIN), revents: 0))
                woken = poll(&items, 3, keys.isInEscape ? 0 : 900)
            }
            guard woken >= 0 || errno == EINTR else { throw LauncherError.system("poll") }
            for number in try signals.take() where number != SIGWINCH { return }
            var pressed: [Key] = []
            if woken > 0, items[0].revents != 0 {
                let count = Glibc.read(0, &buffer, buffer.count)
                guard count > 0 || (count < 0 && (errno == EINTR || errno == EAGAIN)) else { return }
                if count > 0 { pressed = keys.take(buffer[..<count]) }
            } else {
                pressed = keys.flush()
            }
            for key in pressed where !screen.press(key) { return }
        }
    }
}

enum Locale {
    /// By the variables that say so, in their order (locale(7)).
    static var hasUTF8: Bool {
        for name in ["LC_ALL", "LC_CTYPE", "LANG"] {
            guard let value = getenv(name), value.pointee != 0 else { continue }
            let text = String(cString: value).lowercased()
            return text.contains("utf-8") || text.contains("utf8")
        }
        return false
    }
}
