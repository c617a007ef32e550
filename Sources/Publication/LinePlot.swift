/// One figure over the rounds, with levels to hold it against.
struct LinePlot {
    struct Level {
        let name: String
        let value: Double
    }

    let id: String
    let title: String
    let points: [(round: Int, value: Double)]
    let levels: [Level]
    /// The colour, as a class of the page's style sheet.
    let style: String

    var svg: String {
        let values = points.map(\.value) + levels.map(\.value)
        guard let low = values.min(), let high = values.max(), let first = points.first, let last = points.last else {
            return ""
        }
        let ticks = Ticks(low: low, high: high)
        let left = 44.0
        let right = Plot.width - 16
        let y = Scale(domain: ticks.domain, lower: 206, upper: 18)
        let rounds = Double(first.round)...Double(max(last.round, first.round + 1))
        let x = Scale(domain: rounds, lower: left + 10, upper: right - 10)

        var marks = Plot.grid(ticks, y, from: left, to: right, label: ticks.label)
        for (index, label) in Plot.thinned(points.map { String($0.round) }) {
            marks.append(Plot.text(x(Double(points[index].round)), 222, label))
        }
        marks.append(Plot.text((left + right) / 2, 240, "round"))
        marks += levelMarks(x, y, left: left, right: right)
        let path = points.map { "\(Plot.number(x(Double($0.round)))),\(Plot.number(y($0.value)))" }.joined(
            separator: " ")
        marks.append("<polyline points=\"\(path)\" class=\"line \(style)\"/>")
        for point in points {
            let tip = "round \(point.round): \(Figure.fixed(point.value, 3))"
            marks.append(
                "<circle cx=\"\(Plot.number(x(Double(point.round))))\" cy=\"\(Plot.number(y(point.value)))\" r=\"3\" "
                    + "class=\"dot \(style)\"><title>\(tip)</title></circle>")
        }
        let above = y(last.value) > 34
        let isAlone = points.count == 1
        marks.append(
            Plot.text(
                x(Double(last.round)) + (isAlone ? -4 : 4), y(last.value) + (above ? -9 : 16),
                Figure.fixed(last.value, 3),
                anchor: isAlone ? "start" : "end", style: "value"))
        let description =
            "From \(Figure.fixed(first.value, 3)) after round \(first.round) to \(Figure.fixed(last.value, 3)) after round "
            + "\(last.round)."
            + levels.map { " \($0.name): \(Figure.fixed($0.value, 3))." }.joined()
        return Plot.svg(id: id, height: 246, title: title, description: description, marks)
    }

    /// Dashed lines, each with its name at the end where the curve is further away, the names moved apart where levels lie
    /// close.
    private func levelMarks(_ x: Scale, _ y: Scale, left: Double, right: Double) -> [String] {
        var marks: [String] = []
        var free = [Double](repeating: .infinity, count: 2)
        for level in levels.sorted(by: { $0.value < $1.value }) {
            let place = y(level.value)
            let text = "\(level.name) \(Figure.fixed(level.value, 3))"
            let extent = Double(text.count) * 6
            let side =
                clearance(left...left + extent, place, x, y) >= clearance(right - extent...right, place, x, y) ? 0 : 1
            let label = min(place - 4, free[side])
            free[side] = label - 12
            marks.append(Plot.line(left, place, right, place, style: "level"))
            marks.append(
                Plot.text(
                    side == 0 ? left + 6 : right - 4, label, text, anchor: side == 0 ? "start" : "end", style: "note"))
        }
        return marks
    }

    /// How far the curve stays from a height over a stretch of the drawing.
    private func clearance(_ stretch: ClosedRange<Double>, _ height: Double, _ x: Scale, _ y: Scale) -> Double {
        points.filter { stretch.contains(x(Double($0.round))) }.map { abs(y($0.value) - height) }.min() ?? .infinity
    }
}
