/// Canonical output: the same value gives the same bytes. Names are sorted by their UTF-8 bytes, nothing is escaped that need
/// not be, numbers have the shortest text that reads back the same.
extension JSON {
    package enum Style: Sendable {
        /// On one line, without spaces.
        case compact
        /// Indented by two spaces, with a newline at the end: what people read.
        case readable
    }

    package func encoded(_ style: Style = .readable) throws(JSONError) -> [UInt8] {
        var text = ""
        try write(to: &text, style: style, depth: 0)
        if style == .readable { text += "\n" }
        return Array(text.utf8)
    }

    /// `text` as a JSON string, with its quotes.
    package static func quoted(_ text: String) -> String {
        var output = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": output += "\\\""
            case "\\": output += "\\\\"
            case "\u{08}": output += "\\b"
            case "\u{0C}": output += "\\f"
            case "\n": output += "\\n"
            case "\r": output += "\\r"
            case "\t": output += "\\t"
            case "\0"..<" ":
                let digits = String(scalar.value, radix: 16)
                output += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: output.unicodeScalars.append(scalar)
            }
        }
        return output + "\""
    }

    private func write(to text: inout String, style: Style, depth: Int) throws(JSONError) {
        switch self {
        case .null: text += "null"
        case .bool(let value): text += value ? "true" : "false"
        case .integer(let value): text += String(value)
        case .number(let value):
            guard value.isFinite else {
                throw JSONError(.field(""), "\(value) cannot be written: JSON has finite numbers only")
            }
            text += value.description
        case .string(let value): text += JSON.quoted(value)
        case .array(let elements):
            text += "["
            for (index, element) in elements.enumerated() {
                JSON.separate(index, &text, style, depth + 1)
                try element.write(to: &text, style: style, depth: depth + 1)
            }
            if !elements.isEmpty { JSON.newLine(&text, style, depth) }
            text += "]"
        case .object(let members):
            let sorted = members.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
            text += "{"
            for (index, member) in sorted.enumerated() {
                JSON.separate(index, &text, style, depth + 1)
                text += JSON.quoted(member.key) + (style == .readable ? ": " : ":")
                try member.value.write(to: &text, style: style, depth: depth + 1)
            }
            if !members.isEmpty { JSON.newLine(&text, style, depth) }
            text += "}"
        }
    }

    private static func separate(_ index: Int, _ text: inout String, _ style: Style, _ depth: Int) {
        if index > 0 { text += "," }
        newLine(&text, style, depth)
    }

    private static func newLine(_ text: inout String, _ style: Style, _ depth: Int) {
        guard style == .readable else { return }
        text += "\n" + String(repeating: "  ", count: depth)
    }
}
