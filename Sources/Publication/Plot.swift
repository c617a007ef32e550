import Glibc

/// Straight axes from values to a drawing of `Plot.width` units, which the page scales to its column.
struct Scale {
    let domain: ClosedRange<Double>
    let lower: Double
    let upper: Double

    func callAsFunction(_ value: Double) -> Double {
        let width = domain.upperBound - domain.lowerBound
        return lower + (width > 0 ? (value - domain.lowerBound) / width : 0.5) * (upper - lower)
    }
}

/// Round values to label an axis with: 1, 2 or 5 times a power of ten apart.
struct Ticks {
    let values: [Double]
    let decimals: Int

    /// Ticks that cover [low, high] with at most `count` steps or so.
    init(low: Double, high: Double, count: Int = 4) {
        let span = high > low ? high - low : max(abs(high), 1) * 0.1
        let rough = span / Double(count)
        let power = pow(10, floor(log10(rough)))
        let step = ([1, 2, 5, 10].first { $0 * power >= rough } ?? 10) * power
        let first = floor(low / step + 1e-9)
        let last = max(ceil(high / step - 1e-9), first + 1)
        values = stride(from: first, through: last, by: 1).map { $0 * step }
        decimals = max(0, Int(-floor(log10(step) + 1e-9)))
    }

    var domain: ClosedRange<Double> { (values.first ?? 0)...(values.last ?? 1) }
    func label(_ value: Double) -> String { Figure.fixed(value, decimals) }
}

/// Marks of the plots. A drawing is 420 units wide, so that its letters can be read on a phone.
enum Plot {
    static let width = 420.0

    static func number(_ value: Double) -> String { Figure.fixed(value, 1) }

    static func text(_ x: Double, _ y: Double, _ text: String, anchor: String = "middle", style: String = "tick")
        -> String
    {
        "<text x=\"\(number(x))\" y=\"\(number(y))\" text-anchor=\"\(anchor)\" class=\"\(style)\">\(Markup.escaped(text))</text>"
    }

    static func line(_ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, style: String) -> String {
        "<line x1=\"\(number(x1))\" y1=\"\(number(y1))\" x2=\"\(number(x2))\" y2=\"\(number(y2))\" class=\"\(style)\"/>"
    }

    static func svg(id: String, height: Double, title: String, description: String, _ marks: [String]) -> String {
        """
        <svg viewBox="0 0 \(Int(width)) \(Int(height))" role="img" aria-labelledby="\(id)-title \(id)-desc">
        <title id="\(id)-title">\(Markup.escaped(title))</title>
        <desc id="\(id)-desc">\(Markup.escaped(description))</desc>
        \(marks.joined(separator: "\n"))
        </svg>
        """
    }

    /// The labels to write below `labels.count` places without crowding.
    static func thinned(_ labels: [String]) -> [(index: Int, label: String)] {
        let step = max(1, (labels.count + 9) / 10)
        return labels.enumerated().filter { $0.offset.isMultiple(of: step) }.map { ($0.offset, $0.element) }
    }

    /// Horizontal grid lines with their values.
    static func grid(_ ticks: Ticks, _ y: Scale, from left: Double, to right: Double, label: (Double) -> String)
        -> [String]
    {
        ticks.values.flatMap { value in
            [
                line(left, y(value), right, y(value), style: "grid"),
                text(left - 6, y(value) + 4, label(value), anchor: "end"),
            ]
        }
    }
}
