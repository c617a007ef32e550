internal import Federation
internal import Launching
internal import Monitoring

extension TopScreen {
    /// Sections share the height: stages first, then the line of figures, rounds with what is left, events with the rest.
    func overview(_ view: FederationView, _ now: UInt64, _ width: Int, _ height: Int) -> [StyledLine] {
        let table = stageRows(view, now)
        let isRoomy = height >= table.count + 20
        let gap = isRoomy ? [StyledLine()] : []
        var top = [title(view, now, width), progress(view, now, width)] + method(view, width, height) + gap
        let figures = self.figures(view, now, width)
        let troubles = view.warnings.suffix(isRoomy ? 3 : 1).map { event($0, width, isTrouble: true) }
        let fixed = top.count + figures.count + troubles.count + (isRoomy ? 2 : 0)
        let wanted = view.rounds.isEmpty ? 0 : min(view.rounds.count, isRoomy ? 12 : 8) + 1
        let tableRows = min(table.count + 1, max(4, height - fixed - min(wanted, 3)))
        top += stages(table, view, now, width, tableRows) + gap
        var left = height - top.count - figures.count - troubles.count - gap.count
        var bottom: [StyledLine] = []
        if left >= 2, !view.rounds.isEmpty {
            bottom += rounds(view, now, width, min(left, wanted))
            left -= bottom.count
        }
        bottom += gap + figures
        left -= gap.count
        bottom += troubles
        if left >= 4, view.events.count > 0 {
            // What is left on a tall terminal.
            bottom += [StyledLine(), StyledLine(" EVENTS", .soft)]
            bottom += view.events.suffix(left - 2).map { event($0, width, isTrouble: false) }
        }
        return top + bottom
    }

    private func title(_ view: FederationView, _ now: UInt64, _ width: Int) -> StyledLine {
        let plan = view.plan
        let clock = "\(Figures.clock(now)) UTC "
        var line = StyledLine(" ")
        line.add(plan.federation, .bold)
        let about =
            "  run \(plan.run) \(glyphs.middleDot) \(plan.suite)"
            + (plan.suite == "clear" ? "" : " \(glyphs.middleDot) keys \(plan.keys)")
        line.add(Columns.cut(about, to: max(0, width - line.width - Columns.of(clock) - 1)), .soft)
        line.fill(to: width - Columns.of(clock))
        line.add(clock, .soft)
        return line
    }

    /// Every choice by its name, over as many lines as it takes; on a low terminal what fits into one.
    private func method(_ view: FederationView, _ width: Int, _ height: Int) -> [StyledLine] {
        func lines(_ label: String, _ text: String, _ style: StyledLine.Style) -> [StyledLine] {
            let room = max(8, width - Columns.of(label) - 2)
            let most = height < 20 ? 1 : height / 4
            var parts = Columns.wrapped(text, to: room)
            if parts.count > most {
                let rest = parts[(most - 1)...].joined(separator: " ")
                parts = Array(parts.prefix(most - 1)) + [Columns.cut(rest, to: room)]
            }
            return parts.enumerated().map { index, part in
                var line = StyledLine(" ")
                line.add(index == 0 ? label : "", .soft, column: Columns.of(label) + 1)
                line.add(part, style)
                return line
            }
        }
        return (view.method.isEmpty ? [] : lines("method", view.method, .plain))
            + (view.privacy.map { lines("privacy", $0.words, .attention) } ?? [])
    }

    private func progress(_ view: FederationView, _ now: UInt64, _ width: Int) -> StyledLine {
        let barWidth = min(40, max(10, width / 4))
        let bar = glyphs.bar(view.stepsDone, of: view.planSteps, width: barWidth)
        var line = StyledLine(" ")
        line.add(bar.done, .good)
        line.add(bar.left, .soft)
        line.add(view.planSteps > 0 ? "  \(view.stepsDone) of \(view.planSteps) steps" : "  no round yet")
        if view.isFinished {
            line.add("   the run is finished", .good)
        } else if let round = view.openRound {
            line.add("   round \(round.number) ", .bold)
            line.add("\(round.title)  \(Figures.age(round.duration(at: now)))")
            let missing = round.awaited
            if !missing.isEmpty, round.closedAt == nil {
                line.add("   waits for ", .soft)
                line.add(missing.joined(separator: ", "), .attention)
            } else if round.closedAt != nil {
                line.add("   opening", .soft)
            }
        }
        return line
    }

    // MARK: Stages

    /// A row of the table of stages: a stage by its place in the plan, or something that hinders the one above.
    private struct StageRow {
        let place: Int
        var trouble: StageTrouble?
    }

    private func stageRows(_ view: FederationView, _ now: UInt64) -> [StageRow] {
        view.stages.enumerated().flatMap { place, stage in
            [StageRow(place: place)] + stage.troubles(at: now).map { StageRow(place: place, trouble: $0) }
        }
    }

    private func stages(
        _ table: [StageRow], _ view: FederationView, _ now: UInt64, _ width: Int, _ rows: Int
    ) -> [StyledLine] {
        let cloudWidth = min(16, max(6, view.plan.clouds.map { $0.name.description.count }.max() ?? 0))
        var header = StyledLine()
        header.add("   ", .soft)
        header.add("CLOUD", .soft, column: cloudWidth + 1)
        header.add("STAGE", .soft, column: 13)
        header.add("STATE", .soft, column: 12)
        header.add("SINCE", .soft, column: 6, isRight: true)
        header.add("  WHAT", .soft)
        let room = max(1, rows - 1)
        // The chosen row stays in sight.
        let chosenRow = table.firstIndex { $0.place == chosen } ?? 0
        var first = max(0, min(chosenRow - room / 2, table.count - room))
        // What hinders a stage does not stand at the top without it.
        while first < chosenRow, table[first].trouble != nil { first += 1 }
        let shown = table.dropFirst(first).prefix(room)
        let hidden = table.count { $0.trouble != nil } - shown.count { $0.trouble != nil }
        if hidden > 0 { header.add("   ! \(hidden) out of sight", .attention) }
        var lines = [header]
        for row in shown {
            if let trouble = row.trouble {
                lines.append(line(of: trouble, now, width))
                continue
            }
            let (place, stage) = (row.place, view.stages[row.place])
            let isChosen = isInteractive && place == chosen
            let isFirst = place == table[first].place || view.stages[place - 1].name.cloud != stage.name.cloud
            let (glyph, style) = look(of: stage.state)
            var line = StyledLine(isChosen ? " \(Columns.cut(glyphs.pointer, to: 1)) " : "   ", .bold)
            line.add(isFirst ? "\(stage.name.cloud)" : "", .bold, column: cloudWidth + 1)
            line.add("\(stage.name.role)", isChosen ? .bold : .plain, column: 13)
            line.add("\(glyph) ", style)
            line.add(stage.state.word, style, column: 10)
            line.add(since(stage, now), .soft, column: 6, isRight: true)
            line.add("  ")
            let details = [stage.state.detail, extras(stage)].filter { !$0.isEmpty }
            line.add(Columns.cut(details.joined(separator: "  "), to: max(0, width - line.width)), .plain)
            lines.append(line)
        }
        return lines
    }

    /// `! clock: release/publish: its clock is 9.0 s ahead of this host's (15s): let both hosts ...`
    private func line(of trouble: StageTrouble, _ now: UInt64, _ width: Int) -> StyledLine {
        var line = StyledLine("     ")
        line.add("! ", .attention)
        line.add(trouble.age(at: now), .soft, column: 7)
        line.add(" ")
        line.add(Columns.cut("\(trouble.finding): \(trouble.remedy)", to: max(0, width - line.width)), .attention)
        return line
    }

    private func since(_ stage: StageView, _ now: UInt64) -> String {
        guard let since = stage.since, stage.state != .unknown else { return "" }
        return Figures.age(now > since ? now - since : 0)
    }

    private func extras(_ stage: StageView) -> String {
        var parts: [String] = []
        if case .working = stage.state, stage.name.kind == .localTrain, !stage.losses.elements.isEmpty {
            parts.append("loss " + glyphs.sparkline(stage.losses.elements, width: 12))
        }
        if let restarts = stage.process?.restarts, restarts > 0 {
            parts.append("restarted \(restarts == 1 ? "once" : "\(restarts) times")")
        }
        return parts.joined(separator: "  ")
    }

    func look(of state: StageState) -> (glyph: String, style: StyledLine.Style) {
        switch state {
        case .unknown: (glyphs.ring, .soft)
        case .starting: (glyphs.ring, .attention)
        case .ready: (glyphs.dot, .good)
        case .working: (glyphs.dot, .good)
        case .idle: (glyphs.square, .soft)
        case .waiting: (glyphs.ring, .first)
        case .restarting: (glyphs.cross, .attention)
        case .done: (glyphs.square, .soft)
        case .stopped: (glyphs.square, .attention)
        case .failed, .gone: (glyphs.cross, .bad)
        }
    }

    // MARK: Rounds

    private func rounds(_ view: FederationView, _ now: UInt64, _ width: Int, _ rows: Int) -> [StyledLine] {
        let shown = Array(view.rounds.suffix(max(1, rows - 1)))
        var header = StyledLine(" ROUND", .soft)
        header.add("   ")
        for (index, name) in RoundView.Segment.Name.allCases.enumerated() {
            header.add("\(glyphs.phases[index])", TopScreen.phaseStyles[index])
            header.add(" \(name.rawValue)  ", .soft)
        }
        let facts = shown.map { fact($0, now) }
        let titleWidth = min(24, max(10, shown.map { Columns.of($0.title) }.max() ?? 0))
        let factWidth = facts.map(\.width).max() ?? 0
        let barWidth = max(8, min(60, width - 8 - titleWidth - factWidth - 3))
        let longest = max(1, shown.map { $0.duration(at: now) }.max() ?? 1)
        var lines = [header]
        for (round, fact) in zip(shown, facts) {
            var line = StyledLine(" ")
            line.add("\(round.number)", .bold, column: 5, isRight: true)
            line.add("  ")
            line.add(round.title, .plain, column: titleWidth + 1)
            var drawn = 0
            for segment in round.segments(at: now) {
                guard let index = RoundView.Segment.Name.allCases.firstIndex(of: segment.name) else { continue }
                let until = Double(segment.end - round.openedAt) / Double(longest) * Double(barWidth)
                let count = max(0, min(barWidth, Int(until.rounded())) - drawn)
                line.add(String(repeating: glyphs.phases[index], count: count), TopScreen.phaseStyles[index])
                drawn += count
            }
            line.add(String(repeating: " ", count: barWidth - drawn + 1))
            line.add(fact)
            lines.append(line)
        }
        return lines
    }

    private func fact(_ round: RoundView, _ now: UInt64) -> StyledLine {
        var line = StyledLine()
        line.add(Figures.duration(round.duration(at: now)), .plain, column: 7, isRight: true)
        if let expected = round.predictedSeconds, expected >= 0, expected < 1e9 {
            line.add(" of ", .soft)
            line.add(Figures.duration(UInt64(expected * 1e9)), .soft)
        }
        line.add(round.bytes > 0 ? Figures.bytes(round.bytes) : "", .soft, column: 10, isRight: true)
        line.add("  ")
        switch round.outcome {
        case .open: line.add("\(round.counted) of \(round.cohort.count) here", .attention, column: 12)
        case .abandoned: line.add("abandoned", .bad, column: 12)
        case .released:
            let auroc = round.figures["auroc"] ?? round.figures["test_auroc"]
            let text =
                auroc.map { "AUROC \(Figures.fixed($0, 3))" } ?? round.meanLoss.map { "loss \(Figures.fixed($0, 4))" }
            line.add(text ?? "", .plain, column: 12)
        }
        return line
    }

    // MARK: Figures

    private func figures(_ view: FederationView, _ now: UInt64, _ width: Int) -> [StyledLine] {
        var lines: [StyledLine] = []
        let sparkWidth = width >= 110 ? 32 : 16
        var learning = StyledLine(" ")
        let scores = view.scores.elements.filter { $0.split != "test" }.compactMap(\.auroc)
        if !scores.isEmpty { learning.add(curve("AUROC", scores, 3, sparkWidth)) }
        let losses = view.losses.elements.map(\.mean)
        if !losses.isEmpty {
            if learning.width > 1 { learning.add("    ") }
            learning.add(curve("loss", losses, 4, sparkWidth))
        }
        if learning.width > 1 { lines.append(learning) }
        let rates = view.rates(at: now)
        var line = StyledLine(" ")
        func rate(_ name: String, _ value: String) {
            line.add("\(name) ", .soft)
            line.add("\(value)/s", .plain)
            line.add("   ")
        }
        rate("events", Figures.count(rates.events))
        rate("sealed", "\(Figures.count(rates.values)) values")
        rate("sent", Figures.bytes(rates.bytes))
        let series = view.byteSeries(at: now, over: min(60, max(0, width - line.width - 2)))
        if series.contains(where: { $0 > 0 }) { line.add(glyphs.sparkline(series, width: series.count), .second) }
        lines.append(line)
        if let link = slowestLink(view) { lines.append(link) }
        if let cost = cost(view) { lines.append(cost) }
        return lines
    }

    /// `cost 0.0123 EUR   north 0.0051   west 0.0042`
    private func cost(_ view: FederationView) -> StyledLine? {
        guard let cost = view.cost, let total = cost.total else { return nil }
        var line = StyledLine(" cost ", .soft)
        line.add("\(Figures.fixed(total, 4)) \(cost.currency)")
        for cloud in cost.clouds {
            guard let amount = cloud.amount else { continue }
            line.add("   \(cloud.name) ", .soft)
            line.add(Figures.fixed(amount, 4))
        }
        return line
    }

    /// `slowest link north -> coordinator  5.81 MiB/s   round trip 50 ms   jitter 1.2 ms`
    private func slowestLink(_ view: FederationView) -> StyledLine? {
        guard let (from, to, reading) = view.slowestLink, let goodput = reading.goodput else { return nil }
        var line = StyledLine(" slowest link ", .soft)
        line.add("\(from) \(glyphs.arrow) \(to)  \(Figures.bytes(goodput))/s")
        func time(_ name: String, _ seconds: Double?) {
            guard let seconds, seconds >= 0, seconds < 1e6 else { return }
            line.add("   \(name) ", .soft)
            line.add(Figures.duration(UInt64(seconds * 1e9)))
        }
        time("round trip", reading.leastRoundTripSeconds ?? reading.roundTripSeconds)
        time("jitter", reading.jitterSeconds)
        return line
    }

    /// `AUROC ▁▃▅▇ 0.500 → 0.812`
    private func curve(_ name: String, _ values: [Double], _ decimals: Int, _ width: Int) -> StyledLine {
        var line = StyledLine("\(name) ", .soft)
        line.add(glyphs.sparkline(values, width: width), .second)
        line.add(" ")
        if values.count > 1, let first = values.first {
            line.add("\(Figures.fixed(first, decimals)) \(glyphs.arrow) ", .soft)
        }
        if let last = values.last { line.add(Figures.fixed(last, decimals), .bold) }
        return line
    }

    // MARK: Events

    func event(_ note: EventNote, _ width: Int, isTrouble: Bool) -> StyledLine {
        let style: StyledLine.Style =
            note.level == .error ? .bad : note.level == .warning ? .attention : note.level == .debug ? .soft : .plain
        var line = StyledLine(" ")
        line.add("\(Figures.clock(note.time)) ", .soft)
        if isTrouble { line.add("! ", style) }
        line.add("\(note.stage) ", .soft)
        line.add(note.name, style)
        line.add("  ")
        line.add(Columns.cut(note.text, to: max(0, width - line.width)), .plain)
        return line
    }
}
