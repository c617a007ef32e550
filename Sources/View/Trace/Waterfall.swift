internal import Federation
internal import Monitoring

extension RoundTrace {
    /// The trace as text: a line for each span, drawn to scale below one another.
    package func waterfall(width: Int, glyphs: Glyphs = .unicode) -> [StyledLine] {
        let (start, end) = extent
        let length = max(1, end - start)
        let nameWidth = min(34, max(20, spans.map { label($0).count }.max() ?? 0))
        let barWidth = max(20, width - nameWidth - 22)
        var lines = [heading]
        lines.append(StyledLine(" trace \(EventNote.digits(trace))", .soft))
        if !hasPublisher {
            lines.append(
                StyledLine(" publish runs elsewhere: the round is drawn as this host has heard of it", .attention))
        }
        lines.append(StyledLine())
        lines.append(axis(nameWidth, barWidth, length))
        for span in spans {
            var line = StyledLine(" ")
            line.add(label(span), span.depth < 2 ? .bold : .plain, column: nameWidth)
            line.add(Figures.duration(span.end - span.start), .plain, column: 9, isRight: true)
            line.add(" +" + (span.start > start ? Figures.duration(span.start - start) : "0"), .soft, column: 10)
            line.add(" ")
            func column(_ time: UInt64) -> Int {
                Int((Double(time - start) / Double(length) * Double(barWidth)).rounded())
            }
            let from = min(column(span.start), barWidth - 1)
            let count = max(1, min(barWidth, column(span.end)) - from)
            line.add(String(repeating: " ", count: from))
            let glyph = span.depth == 0 ? glyphs.full : span.depth == 1 ? glyphs.empty : glyphs.phases[0]
            line.add(String(repeating: glyph, count: count), style(span))
            lines.append(line)
        }
        return lines
    }

    private var heading: StyledLine {
        var line = StyledLine(" round \(round.number) ", .bold)
        line.add("\(round.title) of \(federation), run \(run): ")
        let time = Figures.duration(round.duration(at: extent.end))
        switch round.outcome {
        case .open: line.add("open, so far \(time)", .attention)
        case .released: line.add("released after \(time)", .good)
        case .abandoned(let reason): line.add("abandoned after \(time): \(reason)", .bad)
        }
        return line
    }

    private func axis(_ nameWidth: Int, _ barWidth: Int, _ length: UInt64) -> StyledLine {
        var line = StyledLine(" ")
        line.add("SPAN", .soft, column: nameWidth)
        line.add("TOOK", .soft, column: 9, isRight: true)
        line.add("  AT", .soft, column: 11)
        let middle = Figures.duration(length / 2)
        let end = Figures.duration(length)
        line.add("0", .soft, column: max(1, barWidth / 2 - middle.count / 2))
        line.add(middle, .soft)
        let left = barWidth - (line.width - nameWidth - 21)
        line.add(end, .soft, column: max(end.count, left), isRight: true)
        return line
    }

    private func label(_ span: Span) -> String {
        switch span.depth {
        case 0: "round"
        case 1: "\(span.stage)"
        default: "  \(span.name)"
        }
    }

    private func style(_ span: Span) -> StyledLine.Style {
        switch span.phase {
        case nil: span.depth == 0 ? .good : .soft
        case .read, .train, .sensitivity, .score, .evaluate: .first
        case .quantise, .seal: .second
        case .gather, .add: .attention
        case .check, .share: .third
        case .open, .publish, .round: .good
        }
    }
}
