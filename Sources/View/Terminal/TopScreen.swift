internal import Federation
internal import Monitoring

/// What `tributary top` shows, and what keys do to it. Frames are lines: the same view, time and size give the same frame.
package struct TopScreen: Sendable {
    package enum Mode: Sendable, Equatable {
        case overview, tail, help
    }

    package private(set) var mode = Mode.overview
    /// The place of the chosen stage in the plan.
    package private(set) var chosen = 0
    /// Lines that a tail is scrolled back.
    package private(set) var back = 0
    private let stageCount: Int
    let glyphs: Glyphs
    /// Whether a row is marked as chosen: a frame that is printed once has none.
    let isInteractive: Bool

    package init(_ plan: FederationPlan, glyphs: Glyphs = .unicode, isInteractive: Bool = true) {
        stageCount = plan.stages.count
        self.glyphs = glyphs
        self.isInteractive = isInteractive
    }

    /// False when the key ends the program.
    package mutating func press(_ key: Key) -> Bool {
        switch (mode, key) {
        case (_, .interrupt): return false
        case (.overview, .character("q")): return false
        case (_, .character("q")), (_, .escape): mode = .overview
        case (.help, _): mode = .overview
        case (_, .character("?")), (_, .character("h")): mode = .help
        case (.overview, .enter), (.overview, .character("t")):
            (mode, back) = (.tail, 0)
        case (.tail, .enter), (.tail, .character("t")): mode = .overview
        case (_, .up), (_, .character("k")): choose(chosen - 1)
        case (_, .down), (_, .character("j")): choose(chosen + 1)
        case (.tail, .pageUp): back += 10
        case (.tail, .pageDown): back = max(0, back - 10)
        case (_, .home), (_, .character("g")): choose(0)
        case (_, .end), (_, .character("G")): choose(stageCount - 1)
        default: break
        }
        return true
    }

    private mutating func choose(_ place: Int) {
        chosen = max(0, min(stageCount - 1, place))
        back = 0
    }

    /// Exactly `height` lines, none wider than `width`.
    package func frame(of view: FederationView, at now: UInt64, width: Int, height: Int) -> [StyledLine] {
        let (width, height) = (max(20, width), max(4, height))
        let body =
            switch mode {
            case .overview: overview(view, now, width, height - 1)
            case .tail: tail(view, now, width, height - 1)
            case .help: help()
            }
        var lines = body.prefix(height - 1).map { $0.clipped(to: width) }
        while lines.count < height - 1 { lines.append(StyledLine()) }
        return lines + [footer.clipped(to: width)]
    }

    private var footer: StyledLine {
        guard isInteractive else { return StyledLine() }
        var line = StyledLine(" ")
        let keys: [(String, String)] =
            switch mode {
            case .overview: [("↑↓", "choose a stage"), ("enter", "its events"), ("?", "help"), ("q", "quit")]
            case .tail: [("↑↓", "another stage"), ("pgup pgdn", "scroll"), ("esc", "back")]
            case .help: [("any key", "back")]
            }
        for (key, what) in keys {
            line.add(glyphs == .ascii && key == "↑↓" ? "j k" : key, .bold)
            line.add(" \(what)   ", .soft)
        }
        return line
    }

    private func help() -> [StyledLine] {
        let texts: [(String, String)] = [
            ("↑ ↓  j k", "choose a stage"), ("enter  t", "its events, as they come; the same keys go back"),
            ("g  G", "the first, the last stage"), ("pgup pgdn", "scroll a stage's events"), ("q  Ctrl-C", "quit"),
        ]
        var lines = [StyledLine(" tributary top", .bold), StyledLine()]
        for (keys, text) in texts {
            var line = StyledLine("  ")
            line.add(keys, .bold, column: 12)
            line.add(text)
            lines.append(line)
        }
        lines += [StyledLine(), StyledLine(" A round's bar", .bold)]
        let names = [
            ("compute", "clouds train, score or read"), ("seal", "the slowest cloud quantises and encrypts"),
            ("gather", "contributions are on their way and being added"),
            ("share", "clouds check the sum and help open it"),
            ("open", "publish opens the sum and releases"),
        ]
        for (index, (name, text)) in names.enumerated() {
            var line = StyledLine("  ")
            line.add(String(repeating: glyphs.phases[index], count: 3), TopScreen.phaseStyles[index])
            line.add("  ")
            line.add(name, .plain, column: 10)
            line.add(text, .soft)
            lines.append(line)
        }
        return lines
    }

    static let phaseStyles: [StyledLine.Style] = [.first, .second, .attention, .third, .good]
}
