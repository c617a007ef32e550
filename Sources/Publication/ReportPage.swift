/// report.html: a run's report on one page that needs nothing else, no script, font or picture from elsewhere.
package struct ReportPage: Sendable {
    private let report: RunReport

    /// Refuses a report whose figures could not have been measured.
    package init(_ report: RunReport) throws(PublicationError) {
        try report.check()
        self.report = report
    }

    package var html: String {
        """
        <!doctype html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
        <title>Run \(Markup.escaped(report.run))</title>
        <style>\(ReportStyle.sheet)</style>
        </head>
        <body>
        <header>
        <p class="over">Tributary run report</p>
        <h1>\(Markup.escaped(report.run))</h1>
        <p class="sub">\(Markup.escaped(summary))</p>
        </header>
        <main>
        \(tiles)
        <div class="figures">
        \([comparison, lossOrAUROC(.auroc), lossOrAUROC(.loss), bytes, phases].joined(separator: "\n"))
        </div>
        \(costs)
        \(privacy)
        \(commands)
        </main>
        <footer>Written \(Markup.escaped(report.created)). The same figures are in report.json.</footer>
        </body>
        </html>

        """
    }

    // MARK: Cost

    private var costs: String {
        guard let costs = report.costs, !costs.isEmpty else { return "" }
        let currency = report.currency ?? ""
        let rows = costs.map { cost in
            "<tr><th scope=\"row\">\(Markup.escaped(cost.cloud))</th><td>\(Figure.fixed(cost.cpuSeconds, 1)) s</td>"
                + "<td>\(Figure.fixed(cost.gpuSeconds, 1)) s</td><td>\(Figure.bytes(cost.egressBytes))</td>"
                + "<td>\(cost.amount.map { "\(Figure.fixed($0, 4)) \(Markup.escaped(currency))" } ?? "–")</td></tr>"
        }
        let amounts = costs.compactMap(\.amount)
        let total =
            amounts.isEmpty
            ? "The topology has no prices."
            : "\(Figure.fixed(amounts.reduce(0, +), 4)) \(Markup.escaped(currency)) in all"
                + (federated.map { ", to AUROC \(Figure.fixed($0.auroc, 3))." } ?? ".")
        return """
            <section>
            <h2>What it used</h2>
            <p>\(total)</p>
            <table>
            <thead><tr><th scope="col">cloud</th><th scope="col">processor</th><th scope="col">accelerator</th><th scope="col">sent to other clouds</th><th scope="col">cost</th></tr></thead>
            <tbody>
            \(rows.joined(separator: "\n"))
            </tbody>
            </table>
            </section>
            """
    }

    // MARK: Figures in words

    private var clouds: [String] {
        report.rounds.reduce(into: []) { names, round in
            for part in round.clouds where !names.contains(part.cloud) { names.append(part.cloud) }
        }
    }

    private var summary: String {
        "\(clouds.count) cloud\(clouds.count == 1 ? "" : "s") trained one adapter for \(report.baseModel) over \(roundCount), suite "
            + "\(report.suite)."
    }

    private var roundCount: String { report.rounds.count == 1 ? "1 round" : "\(report.rounds.count) rounds" }

    private var federated: RunReport.Row? { report.table.first { $0.kind == .federated } }
    private var pooled: RunReport.Row? { report.table.first { $0.kind == .pooled } }
    private var meanAlone: Double? {
        let alone = report.table.filter { $0.kind == .alone }.map(\.auroc)
        return alone.isEmpty ? nil : alone.reduce(0, +) / Double(alone.count)
    }

    private var tiles: String {
        var tiles: [String] = []
        func add(_ value: String, _ name: String, _ note: String) {
            tiles.append(
                "<li><span class=\"big\">\(Markup.escaped(value))</span><span class=\"what\">\(Markup.escaped(name))</span>"
                    + "<span class=\"aside\">\(Markup.escaped(note))</span></li>")
        }
        if let federated {
            let interval = zipped(federated.aurocLow, federated.aurocHigh).map {
                "interval \(Figure.fixed($0, 3)) to \(Figure.fixed($1, 3))"
            }
            add(
                Figure.fixed(federated.auroc, 3), "AUROC of the federation",
                interval ?? "held-out patients of all clouds")
            if let meanAlone {
                let gain = federated.auroc - meanAlone
                let gap = pooled.map { "\(signed(federated.auroc - $0.auroc)) against all data pooled" }
                add(
                    signed(gain), "against a cloud alone, on average",
                    gap ?? "the clouds' mean is \(Figure.fixed(meanAlone, 3))")
            }
        }
        let parts = report.rounds.flatMap(\.clouds)
        let sent = parts.reduce(0) { $0 + Double($1.sentBytes) }
        let all = parts.reduce(0) { $0 + Double($1.allBytes) }
        let plain = parts.reduce(0) { $0 + Double($1.fp32Bytes) }
        if plain > 0 {
            let count = Double(parts.count)
            add(
                "\(Figure.fixed(sent / plain, 2)) ×", "bytes sent, the values as fp32 being 1",
                "\(Figure.fixed(all / plain, 2)) × in all: \(Figure.bytes(sent / count)) sent and "
                    + "\(Figure.bytes((all - sent) / count)) got per cloud and round")
        }
        add(Figure.seconds(report.totalSeconds), "from start to release", roundCount)
        return "<ul class=\"tiles\">\(tiles.joined(separator: "\n"))</ul>"
    }

    private func signed(_ value: Double) -> String { (value >= 0 ? "+" : "−") + Figure.fixed(abs(value), 3) }

    private func zipped(_ low: Double?, _ high: Double?) -> (Double, Double)? {
        guard let low, let high else { return nil }
        return (low, high)
    }

    // MARK: Plots

    private var comparison: String {
        guard !report.table.isEmpty else { return "" }
        func optional(_ value: Double?) -> String { value.map { Figure.fixed($0, 3) } ?? "–" }
        let rows = report.table.map { row in
            [
                row.name, Figure.fixed(row.auroc, 3),
                zipped(row.aurocLow, row.aurocHigh).map { "\(Figure.fixed($0, 3)) to \(Figure.fixed($1, 3))" } ?? "–",
                optional(row.auprc), optional(row.logLoss),
            ]
        }
        let plot = IntervalPlot(id: "compare", title: "AUROC by where the model was trained", rows: report.table)
        return Markup.wideFigure(
            heading: "Alone, together, pooled",
            text: "AUROC over the same held-out patients. Lines are the stated intervals.", plot: plot.svg,
            table: Markup.table(
                caption: "Scores by where the model was trained",
                head: ["model", "AUROC", "interval", "AUPRC", "log loss"],
                rows: rows))
    }

    private enum Curve { case loss, auroc }

    private func lossOrAUROC(_ curve: Curve) -> String {
        let points = report.rounds.compactMap { round in
            (curve == .loss ? round.loss : round.auroc).map { (round: round.round, value: $0) }
        }
        guard !points.isEmpty else { return "" }
        var levels: [LinePlot.Level] = []
        if curve == .auroc {
            if let meanAlone { levels.append(.init(name: "clouds alone, mean", value: meanAlone)) }
            if let pooled { levels.append(.init(name: "pooled", value: pooled.auroc)) }
        }
        let name = curve == .loss ? "Loss" : "AUROC"
        let plot = LinePlot(
            id: curve == .loss ? "loss" : "auroc", title: "\(name) by round", points: points, levels: levels,
            style: curve == .loss ? "c3" : "c0")
        return Markup.figure(
            heading: "\(name) by round",
            text: curve == .loss
                ? "Mean log loss over the held-out patients of all clouds; lower is better."
                : "Over the held-out patients of all clouds; higher is better.",
            plot: plot.svg,
            table: Markup.table(
                caption: "\(name) by round", head: ["round", name],
                rows: points.map { [String($0.round), Figure.fixed($0.value, 4)] }))
    }

    private var bytes: String {
        let rounds = report.rounds.filter { !$0.clouds.isEmpty }
        guard !rounds.isEmpty else { return "" }
        let kinds: [(name: String, bytes: (RunReport.CloudRound) -> Int)] = [
            ("sent: contributions", \.wireBytes), ("sent: to open sums", \.shareBytes),
            ("got: to open sums", \.evidenceBytes), ("got: the new adapter", \.adapterBytes),
        ]
        let series = kinds.map { kind in
            StackedBars.Series(
                name: kind.name,
                values: rounds.map { round in round.clouds.reduce(0) { $0 + Double(kind.bytes($1)) } })
        }.filter { $0.values.contains { $0 > 0 } }
        let plain = rounds.map { $0.clouds.reduce(0) { $0 + Double($1.fp32Bytes) } }
        let plot = StackedBars(
            id: "bytes", title: "Bytes between clouds by round", labels: rounds.map { String($0.round) },
            series: series,
            marks: plain, markName: "the contributions' values as fp32", format: Figure.bytes,
            unit: byteUnit(for: rounds.map { $0.clouds.reduce(0) { $0 + Double($1.allBytes) } }.max() ?? 0))
        let rows = rounds.flatMap { round in
            round.clouds.map { part in
                func ratio(_ bytes: Int) -> String {
                    part.fp32Bytes > 0 ? Figure.fixed(Double(bytes) / Double(part.fp32Bytes), 2) : "–"
                }
                return ["\(round.round), \(part.cloud)"]
                    + [part.wireBytes, part.shareBytes, part.evidenceBytes, part.adapterBytes, part.allBytes]
                    .map { Figure.bytes(Double($0)) }
                    + [Figure.bytes(Double(part.fp32Bytes)), ratio(part.sentBytes), ratio(part.allBytes)]
            }
        }
        return Markup.figure(
            heading: "Bytes between clouds",
            text:
                "What the clouds sent and got in a round; the line across a bar is the contributions' values as plain fp32.",
            plot: plot.svg,
            legend: legend(series.map(\.name)) + [(name: "fp32", style: "dash")],
            table: Markup.table(
                caption: "Bytes by round and cloud",
                head: [
                    "round, cloud", "contribution", "sent to open", "got to open", "new adapter", "in all", "as fp32",
                    "sent ÷ fp32", "in all ÷ fp32",
                ],
                rows: rows))
    }

    private func byteUnit(for bytes: Double) -> (size: Double, name: String) {
        bytes < 4096 ? (1, "B") : bytes < 4_194_304 ? (1024, "KiB") : (1_048_576, "MiB")
    }

    private func legend(_ names: [String]) -> [(name: String, style: String)] {
        names.enumerated().map { (name: $1, style: StackedBars.style($0)) }
    }

    private var phases: String {
        let rounds = report.rounds.filter { !$0.phases.isEmpty }
        guard !rounds.isEmpty else { return "" }
        let names = rounds.flatMap(\.phases).reduce(into: [String]()) { names, phase in
            if !names.contains(phase.name) { names.append(phase.name) }
        }
        func seconds(_ round: RunReport.Round, _ name: String) -> Double {
            round.phases.filter { $0.name == name }.reduce(0) { $0 + $1.seconds }
        }
        let plot = StackedBars(
            id: "phases", title: "Time by phase and round", labels: rounds.map { String($0.round) },
            series: names.map { name in .init(name: name, values: rounds.map { seconds($0, name) }) }, marks: nil,
            markName: "", format: Figure.seconds, unit: (1, "s"))
        return Markup.figure(
            heading: "Where the time went", text: "Seconds of each phase, one after the other, by round.",
            plot: plot.svg,
            legend: legend(names),
            table: Markup.table(
                caption: "Seconds by round and phase", head: ["round"] + names,
                rows: rounds.map { round in [String(round.round)] + names.map { Figure.fixed(seconds(round, $0), 2) } })
        )
    }

    // MARK: Words below

    private var privacy: String {
        let saw = report.aggregateSaw.map { "<li>\(Markup.escaped($0))</li>" }.joined()
        let simulated =
            report.simulated.isEmpty
            ? "Nothing was simulated." : "Simulated, so not a protection: \(report.simulated.joined(separator: ", "))."
        return """
            <section>
            <h2>Who could see what</h2>
            <dl>
            <dt>Suite and profile</dt><dd>\(Markup.escaped("\(report.suite), \(report.profile)"))</dd>
            <dt>Keys</dt><dd>\(Markup.escaped(report.keyMode))</dd>
            <dt>Who together could open one cloud’s update</dt><dd>\(Markup.escaped(report.whoCouldOpen))</dd>
            \(report.encrypted.map { "<dt>Encrypted</dt><dd>\(Markup.escaped($0))</dd>" } ?? "")
            <dt>Simulated parts</dt><dd>\(Markup.escaped(simulated))</dd>
            </dl>
            \(saw.isEmpty ? "" : "<h3>What aggregate saw</h3><ul>\(saw)</ul>")
            </section>
            """
    }

    private var commands: String {
        guard !report.commands.isEmpty else { return "" }
        let place = (report.adapter.map { [RunReport.Command(purpose: "The adapter", line: $0)] } ?? [])
        let items = (place + report.commands).map {
            "<dt>\(Markup.escaped($0.purpose))</dt><dd><pre>\(Markup.escaped($0.line))</pre></dd>"
        }
        return "<section><h2>What to do next</h2><dl class=\"wide\">\(items.joined(separator: "\n"))</dl></section>"
    }
}
