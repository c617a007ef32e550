/// JSON to be written, members in their order.
indirect enum SchemaText {
    case object([(String, SchemaText)])
    case list([SchemaText])
    case text(String)
    case int(Int)
    case double(Double)
    case flag(Bool)

    var rendered: String { lines.joined(separator: "\n") + "\n" }

    private var lines: [String] {
        switch self {
        case .object(let members):
            return SchemaText.block("{", "}", members.map { key, value in (SchemaText.quoted(key) + ": ", value) })
        case .list(let elements):
            let short = elements.map(\.lines)
            let width = short.reduce(0) { $0 + ($1.first?.count ?? 0) + 2 }
            if short.allSatisfy({ $0.count == 1 }), width < 100 {
                return ["[" + short.map { $0[0] }.joined(separator: ", ") + "]"]
            }
            return SchemaText.block("[", "]", elements.map { ("", $0) })
        case .text(let text): return [SchemaText.quoted(text)]
        case .int(let number): return ["\(number)"]
        case .double(let number):
            return [number.rounded() == number && abs(number) < 1e15 ? "\(Int(number))" : "\(number)"]
        case .flag(let flag): return ["\(flag)"]
        }
    }

    private static func block(_ open: String, _ close: String, _ members: [(String, SchemaText)]) -> [String] {
        guard !members.isEmpty else { return [open + close] }
        var lines = [open]
        for (index, (head, value)) in members.enumerated() {
            var part = value.lines
            part[0] = head + part[0]
            if index < members.count - 1 { part[part.count - 1] += "," }
            lines += part.map { "  \($0)" }
        }
        return lines + [close]
    }

    private static func quoted(_ text: String) -> String {
        "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
    }
}
