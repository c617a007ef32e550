internal import Launching
internal import Monitoring

extension TopScreen {
    /// One stage: what it does, and its newest events.
    func tail(_ view: FederationView, _ now: UInt64, _ width: Int, _ height: Int) -> [StyledLine] {
        guard view.stages.indices.contains(chosen) else { return [] }
        let stage = view.stages[chosen]
        let (glyph, style) = look(of: stage.state)
        var title = StyledLine(" ")
        title.add("\(stage.name) ", .bold)
        title.add(" \(glyph) \(stage.state.word) ", style)
        title.add(stage.state.detail)
        var facts = StyledLine(" ")
        let process = stage.process?.process.map { "process \($0)  " } ?? ""
        facts.add("\(process)epoch \(stage.epoch)  \(stage.events) events", .soft)
        if stage.lostEvents > 0 { facts.add("  \(stage.lostEvents) lost", .attention) }
        if stage.warnings > 0 { facts.add("  \(stage.warnings) warnings and errors", .attention) }
        // In full, as the overview has no room for it; on a low terminal the events have the last lines all the same.
        let troubles = stage.troubles(at: now).flatMap { text(of: $0, now, width) }.prefix(max(0, height - 6))
        let room = max(0, height - 3 - troubles.count)
        let kept = stage.tail.elements
        let end = max(min(room, kept.count), kept.count - back)
        let shown = kept.prefix(end).suffix(room)
        var lines = [title, facts] + troubles
        lines += [StyledLine(String(repeating: glyphs.rule, count: width), .soft)]
        if shown.isEmpty { lines.append(StyledLine(" no events yet", .soft)) }
        for note in shown {
            var line = StyledLine(" ")
            line.add("\(Figures.clock(note.time)) ", .soft)
            line.add(note.round > 0 ? "\(note.round)" : "", .soft, column: 4, isRight: true)
            line.add(" ")
            let style: StyledLine.Style =
                note.level == .error ? .bad : note.level == .warning ? .attention : .bold
            line.add(note.name, style, column: max(24, Columns.of(note.name)))
            line.add("  ")
            line.add(Columns.cut(note.text, to: max(0, width - line.width)))
            lines.append(line)
        }
        return lines
    }

    /// What hinders a stage, and what to do, each over as many lines as it takes.
    private func text(of trouble: StageTrouble, _ now: UInt64, _ width: Int) -> [StyledLine] {
        func wrapped(_ text: String, _ mark: String, _ style: StyledLine.Style) -> [StyledLine] {
            Columns.wrapped(text, to: max(8, width - 4)).enumerated().map { index, part in
                var line = StyledLine(" ")
                line.add(index == 0 ? mark : "", style, column: 3)
                line.add(part, style)
                return line
            }
        }
        let since = trouble.isPast ? "\(trouble.age(at: now)) ago" : "for \(trouble.age(at: now))"
        return wrapped("\(trouble.finding) (\(since))", "!", .attention)
            + wrapped(trouble.remedy, glyphs.arrow, .plain)
    }
}
