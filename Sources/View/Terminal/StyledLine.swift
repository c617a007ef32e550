/// A line of a terminal's screen: pieces of text, each of one style.
package struct StyledLine: Sendable, Equatable {
    package enum Style: String, Sendable, CaseIterable {
        case plain = ""
        case bold = "1"
        case soft = "90"
        case good = "32"
        case attention = "33"
        case bad = "31"
        case first = "34"
        case second = "36"
        case third = "35"
        /// The chosen row.
        case chosen = "7"
    }

    package struct Piece: Sendable, Equatable {
        package let text: String
        package let style: Style
    }

    package private(set) var pieces: [Piece] = []
    package private(set) var width = 0

    package init() {}
    package init(_ text: String, _ style: Style = .plain) { add(text, style) }

    package mutating func add(_ text: String, _ style: Style = .plain) {
        guard !text.isEmpty else { return }
        pieces.append(Piece(text: text, style: style))
        width += Columns.of(text)
    }

    /// Text in a column of that width: cut or filled up.
    package mutating func add(_ text: String, _ style: Style = .plain, column: Int, isRight: Bool = false) {
        let cut = Columns.cut(text, to: column)
        let room = String(repeating: " ", count: max(0, column - Columns.of(cut)))
        add(isRight ? room + cut : cut + room, style)
    }

    package mutating func add(_ line: StyledLine) { for piece in line.pieces { add(piece.text, piece.style) } }

    /// Spaces up to that column.
    package mutating func fill(to column: Int) { add(String(repeating: " ", count: max(0, column - width))) }

    /// The first so many columns of it.
    package func clipped(to maximum: Int) -> StyledLine {
        guard width > maximum else { return self }
        var line = StyledLine()
        for piece in pieces where line.width < maximum {
            line.add(Columns.cut(piece.text, to: maximum - line.width), piece.style)
        }
        return line
    }

    package func styled(_ style: Style) -> StyledLine {
        var line = StyledLine()
        for piece in pieces { line.add(piece.text, style) }
        return line
    }

    /// Without colours, and without spaces at its end.
    package var plain: String {
        var text = pieces.map(\.text).joined()
        while text.last == " " { text.removeLast() }
        return text
    }

    /// For a terminal: ECMA-48's SGR around each piece that has a style.
    package var coloured: String {
        pieces.map { $0.style == .plain ? $0.text : "\u{1B}[\($0.style.rawValue)m\($0.text)\u{1B}[0m" }.joined()
    }
}

/// How many columns of a terminal text takes.
package enum Columns {
    package static func of(_ text: String) -> Int { text.unicodeScalars.reduce(0) { $0 + of($1) } }

    /// Two for the wide scripts and pictures, none for what joins the character before it.
    static func of(_ scalar: Unicode.Scalar) -> Int {
        switch scalar.value {
        case 0..<0x300: 1
        case 0x300...0x36F, 0x200B...0x200D, 0x20D0...0x20FF, 0xFE00...0xFE0F: 0
        case 0x1100...0x115F, 0x2E80...0xA4CF, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F, 0xFF00...0xFF60,
            0xFFE0...0xFFE6, 0x1F300...0x1FAFF, 0x20000...0x3FFFD:
            2
        default: 1
        }
    }

    /// Lines that break at spaces, and within a word only where it is longer than a line.
    static func wrapped(_ text: String, to columns: Int) -> [String] {
        var lines: [String] = []
        var (line, width) = (String.UnicodeScalarView(), 0)
        func end() {
            lines.append(String(line))
            (line, width) = (String.UnicodeScalarView(), 0)
        }
        for word in text.unicodeScalars.split(separator: " ") {
            let length = of(String(word))
            if width > 0, width + 1 + length > columns { end() }
            if width > 0 {
                line.append(" ")
                width += 1
            }
            for scalar in word {
                if width > 0, width + of(scalar) > columns { end() }
                line.append(scalar)
                width += of(scalar)
            }
        }
        if width > 0 { end() }
        return lines
    }

    /// What fits; an ellipsis takes the last column where something is left out.
    package static func cut(_ text: String, to columns: Int) -> String {
        guard of(text) > columns else { return text }
        guard columns > 0 else { return "" }
        var (result, width) = (String.UnicodeScalarView(), 0)
        for scalar in text.unicodeScalars {
            guard width + of(scalar) < columns else { break }
            result.append(scalar)
            width += of(scalar)
        }
        return String(result) + "…"
    }
}
