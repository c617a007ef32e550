/// The table's AUROC as dots with their intervals, one row each.
struct IntervalPlot {
    let id: String
    let title: String
    let rows: [RunReport.Row]

    static func style(_ kind: RunReport.Kind) -> String {
        switch kind {
        case .alone: "c1"
        case .federated: "c0"
        case .pooled: "c2"
        case .oracle: "c4"
        case .base, .other: "c5"
        }
    }

    var svg: String {
        let values = rows.flatMap { [$0.auroc, $0.aurocLow ?? $0.auroc, $0.aurocHigh ?? $0.auroc] }
        guard let low = values.min(), let high = values.max() else { return "" }
        let ticks = Ticks(low: low, high: high, count: 4)
        let left = 140.0
        let right = Plot.width - 46
        let x = Scale(domain: ticks.domain, lower: left, upper: right)
        let pitch = 26.0
        let bottom = 12 + Double(rows.count) * pitch
        var marks: [String] = []
        for value in ticks.values {
            marks.append(Plot.line(x(value), 8, x(value), bottom, style: "grid"))
            marks.append(Plot.text(x(value), bottom + 15, ticks.label(value)))
        }
        for (index, row) in rows.enumerated() {
            let y = 12 + (Double(index) + 0.5) * pitch
            let style = IntervalPlot.style(row.kind)
            let name = row.name.count > 21 ? row.name.prefix(20) + "…" : row.name[...]
            marks.append(
                Plot.text(
                    left - 12, y + 4, String(name), anchor: "end",
                    style: row.kind == .federated ? "name strong" : "name"))
            if let low = row.aurocLow, let high = row.aurocHigh {
                marks.append(Plot.line(x(low), y, x(high), y, style: "interval \(style)"))
            }
            let tip = Markup.escaped("\(row.name): \(Figure.fixed(row.auroc, 3))")
            marks.append(
                "<circle cx=\"\(Plot.number(x(row.auroc)))\" cy=\"\(Plot.number(y))\" r=\"5\" class=\"dot \(style)\">"
                    + "<title>\(tip)</title></circle>")
            marks.append(Plot.text(Plot.width - 4, y + 4, Figure.fixed(row.auroc, 3), anchor: "end", style: "value"))
        }
        let description = rows.map { "\($0.name): \(Figure.fixed($0.auroc, 3))." }.joined(separator: " ")
        return Plot.svg(id: id, height: bottom + 22, title: title, description: description, marks)
    }
}
