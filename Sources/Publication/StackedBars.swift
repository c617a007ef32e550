/// A bar for each round, stacked by series, with an optional mark to hold each bar against.
struct StackedBars {
    struct Series {
        let name: String
        /// One value for each label.
        let values: [Double]
    }

    let id: String
    let title: String
    let labels: [String]
    let series: [Series]
    /// A level for each label, drawn across its bar.
    let marks: [Double]?
    let markName: String
    let format: (Double) -> String
    /// What one unit of the axis is: the axis is labelled in whole units of this size.
    let unit: (size: Double, name: String)

    static func style(_ index: Int) -> String { "c\(index % 6)" }

    var totals: [Double] { labels.indices.map { place in series.reduce(0) { $0 + $1.values[place] } } }

    var svg: String {
        guard let highest = (totals + (marks ?? [])).max(), !labels.isEmpty else { return "" }
        let ticks = Ticks(low: 0, high: max(highest, unit.size * 1e-6) / unit.size)
        let left = 44.0
        let right = Plot.width - 16
        let y = Scale(domain: ticks.domain, lower: 206, upper: 22)
        let slot = (right - left) / Double(labels.count)
        let thickness = min(slot * 0.66, 44)

        var drawing = Plot.grid(ticks, y, from: left, to: right, label: ticks.label)
        drawing.append(Plot.text(left - 6, 11, unit.name, anchor: "end"))
        for place in labels.indices {
            let middle = left + (Double(place) + 0.5) * slot
            drawing += bar(place, at: middle - thickness / 2, thickness, y)
            if let mark = marks?[place] {
                let level = y(mark / unit.size)
                drawing.append(
                    "<line x1=\"\(Plot.number(middle - thickness / 2 - 3))\" x2=\"\(Plot.number(middle + thickness / 2 + 3))\" "
                        + "y1=\"\(Plot.number(level))\" y2=\"\(Plot.number(level))\" class=\"mark\">"
                        + "<title>\(markName), round \(Markup.escaped(labels[place])): \(format(mark))</title></line>")
            }
        }
        for (index, label) in Plot.thinned(labels) {
            drawing.append(Plot.text(left + (Double(index) + 0.5) * slot, 222, label))
        }
        drawing.append(Plot.text((left + right) / 2, 240, "round"))
        let mean = totals.reduce(0, +) / Double(labels.count)
        var description =
            "\(labels.count) bars, \(format(mean)) on average, of \(series.map(\.name).joined(separator: ", "))."
        if let marks { description += " \(markName): \(format(marks.reduce(0, +) / Double(labels.count))) on average." }
        return Plot.svg(id: id, height: 246, title: title, description: description, drawing)
    }

    private func bar(_ place: Int, at x: Double, _ thickness: Double, _ y: Scale) -> [String] {
        var reached = 0.0
        var rectangles: [String] = []
        for (index, series) in series.enumerated() where series.values[place] > 0 {
            let top = y((reached + series.values[place]) / unit.size)
            let bottom = y(reached / unit.size)
            reached += series.values[place]
            let tip = "\(series.name), round \(labels[place]): \(format(series.values[place]))"
            rectangles.append(
                "<rect x=\"\(Plot.number(x))\" y=\"\(Plot.number(top))\" width=\"\(Plot.number(thickness))\" "
                    + "height=\"\(Plot.number(bottom - top))\" class=\"bar \(StackedBars.style(index))\">"
                    + "<title>\(Markup.escaped(tip))</title></rect>")
        }
        return rectangles
    }
}
