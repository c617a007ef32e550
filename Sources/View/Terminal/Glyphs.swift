/// What pictures are drawn with: Unicode's blocks, or ASCII where the locale has no UTF-8.
package struct Glyphs: Sendable, Equatable {
    package let full: String
    package let empty: String
    package let dot: String
    package let ring: String
    package let cross: String
    package let square: String
    package let arrow: String
    package let pointer: String
    package let rule: String
    package let middleDot: String
    /// One for each of `RoundView.Segment.Name`: to be told apart without colour.
    package let phases: [String]
    package let sparks: [String]

    package static let unicode = Glyphs(
        full: "━", empty: "─", dot: "●", ring: "○", cross: "✗", square: "■", arrow: "→", pointer: "▸", rule: "─",
        middleDot: "·", phases: ["█", "▓", "▒", "░", "▪"], sparks: ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"])
    package static let ascii = Glyphs(
        full: "#", empty: ".", dot: "*", ring: "o", cross: "x", square: "=", arrow: "->", pointer: ">", rule: "-",
        middleDot: "-", phases: ["c", "s", "g", "h", "o"], sparks: ["_", ".", "-", "~", "=", "+", "*", "#"])

    /// A line of values, the newest last: as many as there is room for, between the least and the greatest of them.
    package func sparkline(_ values: [Double], width: Int) -> String {
        let shown = values.filter(\.isFinite).suffix(max(0, width))
        guard let least = shown.min(), let greatest = shown.max() else { return "" }
        return shown.map { value in
            guard greatest > least else { return sparks[greatest > 0 ? sparks.count / 2 : 0] }
            return sparks[Int((value - least) / (greatest - least) * Double(sparks.count - 1) + 0.5)]
        }.joined()
    }

    package func bar(_ done: Int, of total: Int, width: Int) -> (done: String, left: String) {
        let count = total > 0 ? max(0, min(width, done * width / total)) : 0
        return (String(repeating: full, count: count), String(repeating: empty, count: width - count))
    }
}
