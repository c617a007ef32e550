internal import Glibc

/// What a demo shows while it works: a few lines that are redrawn in place on a terminal, and elsewhere one line for each
/// thing that is done.
final class DemoView {
    private let terminal = Terminal()
    private let isLive: Bool
    private let isQuiet: Bool
    private let start = ContinuousClock.now
    private var drawn = 0
    private var told = 0
    private var hadStatistics = false

    /// `isQuiet`: nothing but the result, for `--format json`.
    init(isQuiet: Bool) {
        self.isQuiet = isQuiet
        let isDumb = getenv("TERM").map { String(cString: $0) == "dumb" } ?? true
        isLive = isatty(1) == 1 && !isDumb && !isQuiet
    }

    private var elapsed: String { "\(Int((ContinuousClock.now - start).inSeconds)) s" }

    /// A line that stays.
    func say(_ text: String) {
        guard !isQuiet else { return }
        erase()
        terminal.line(text)
    }

    /// A finished step, with the time since the beginning.
    func done(_ text: String) {
        say("\(terminal.paint("✓", .green)) \(text) \(terminal.paint("(\(elapsed))", .grey))")
    }

    /// What is going on now; only a terminal shows it.
    func busy(_ text: String) { draw([terminal.paint("· \(Terminal.printable(text)) (\(elapsed))", .grey)]) }

    func show(_ progress: RunProgress) {
        for round in progress.rounds.dropFirst(told).prefix(while: \.isReleased) {
            told += 1
            guard !isLive else { continue }
            say(line(of: round, steps: progress.steps))
        }
        if isLive { draw(picture(of: progress)) }
    }

    /// Leaves the last picture standing.
    func settle() { drawn = 0 }

    private func line(of round: RunProgress.Round, steps: Int) -> String {
        var parts = ["round \(round.number) of \(steps)", round.purpose]
        if round.purpose == "evaluation" {
            parts.append("\(round.split) AUROC \(score(round) ?? "withheld: too few patients")")
        }
        if let bytes = round.wireBytes.values.max() { parts.append("\(Bytes.text(bytes)) a cloud") }
        parts.append("\(Terminal.seconds(round.seconds))")
        return parts.joined(separator: "  ")
    }

    private func score(_ round: RunProgress.Round) -> String? {
        (round.metrics["auroc"] ?? round.metrics["test_auroc"]).map { Fixed.text($0, 3) }
    }

    private func picture(of progress: RunProgress) -> [String] {
        var lines = [
            bar(progress.released, of: progress.steps) + "  round \(progress.released) of \(progress.steps), \(elapsed)"
        ]
        if let round = progress.current {
            let what = round.purpose == "evaluation" ? "evaluation (\(round.split))" : round.purpose
            lines.append("  now: \(what), \(round.values) values of \(round.bits) bits")
            for cloud in round.cohort.sorted() {
                let bytes = round.wireBytes[cloud].map { ", \(Bytes.text($0)) sent" } ?? ""
                lines.append("  \(Terminal.padded(cloud, 12)) \(progress.doing[cloud] ?? "waiting")\(bytes)")
            }
            lines.append(
                "  \(Terminal.padded("aggregate", 12)) holds \(round.counted.count) of \(round.cohort.count) contributions"
            )
        }
        let scores = progress.rounds(of: "evaluation").filter { $0.split == "validation" }.compactMap(score)
        if !scores.isEmpty { lines.append("  validation AUROC  \(scores.suffix(10).joined(separator: "  "))") }
        if let last = progress.troubles.last {
            lines.append(terminal.paint("  ! \(Terminal.printable(last))", .yellow))
        }
        return lines
    }

    private func bar(_ count: Int, of total: Int) -> String {
        let width = 24
        let filled = total > 0 ? count * width / total : 0
        return terminal.paint(String(repeating: "█", count: filled), .green)
            + terminal.paint(String(repeating: "░", count: width - filled), .grey)
    }

    /// Lines longer than the terminal is wide would wrap and spoil the next redraw.
    private func draw(_ lines: [String]) {
        guard isLive else { return }
        var size = winsize()
        let width = ioctl(1, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 20 ? Int(size.ws_col) : 80
        erase()
        for line in lines { print(clipped(line, to: width - 1)) }
        drawn = lines.count
        fflush(nil)
    }

    private func erase() {
        guard isLive, drawn > 0 else { return }
        print("\u{1B}[\(drawn)A\u{1B}[0J", terminator: "")
        drawn = 0
    }

    /// The first characters of a line, colours not counted.
    private func clipped(_ line: String, to width: Int) -> String {
        var result = ""
        var (count, inColour) = (0, false)
        for character in line {
            if character == "\u{1B}" { inColour = true }
            if !inColour {
                count += 1
                if count > width { continue }
            }
            result.append(character)
            if inColour, character == "m" { inColour = false }
        }
        return result
    }
}

/// Figures as people read them.
enum Fixed {
    static func text(_ value: Double, _ decimals: Int) -> String {
        var scale = 1
        for _ in 0..<decimals { scale *= 10 }
        guard value.isFinite, abs(value) < 1e9 else { return "\(value)" }
        let scaled = Int((abs(value) * Double(scale)).rounded())
        let digits = String(scaled % scale)
        let sign = value < 0 && scaled > 0 ? "-" : ""
        return decimals == 0
            ? "\(sign)\(scaled)"
            : "\(sign)\(scaled / scale)." + String(repeating: "0", count: decimals - digits.count) + digits
    }
}

enum Bytes {
    static func text(_ count: Int) -> String {
        count < 1024
            ? "\(count) B"
            : count < 1 << 20
                ? "\(Fixed.text(Double(count) / 1024, 1)) KiB" : "\(Fixed.text(Double(count) / 1_048_576, 2)) MiB"
    }
}
