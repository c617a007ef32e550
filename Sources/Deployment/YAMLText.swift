/// A YAML document to be written: mappings keep their order, texts are quoted wherever a reader could take them for something else.
package indirect enum YAMLText: Sendable, ExpressibleByStringLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByBooleanLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    case mapping([(String, YAMLText)])
    case list([YAMLText])
    case text(String)
    case number(Int)
    case flag(Bool)

    package init(stringLiteral value: String) { self = .text(value) }
    package init(integerLiteral value: Int) { self = .number(value) }
    package init(booleanLiteral value: Bool) { self = .flag(value) }
    package init(arrayLiteral elements: YAMLText...) { self = .list(elements) }
    package init(dictionaryLiteral elements: (String, YAMLText)...) { self = .mapping(elements) }

    package static func texts(_ texts: some Sequence<String>) -> YAMLText { .list(texts.map { .text($0) }) }

    /// The document, with a line's end.
    package var rendered: String { lines.map { "\($0)\n" }.joined() }

    private var lines: [String] {
        switch self {
        case .mapping(let pairs):
            return pairs.flatMap { key, value in
                let key = YAMLText.scalar(key)
                if let short = value.inline { return ["\(key): \(short)"] }
                if case .text(let text) = value { return ["\(key): |"] + YAMLText.block(text) }
                return ["\(key):"] + value.lines.map { "  \($0)" }
            }
        case .list(let elements):
            return elements.flatMap { element in
                if let short = element.inline { return ["- \(short)"] }
                return element.lines.enumerated().map { $0 == 0 ? "- \($1)" : "  \($1)" }
            }
        case .text, .number, .flag: return [inline ?? ""]
        }
    }

    /// On one line; nil for what needs several.
    private var inline: String? {
        switch self {
        case .mapping(let pairs): pairs.isEmpty ? "{}" : nil
        case .list(let elements): elements.isEmpty ? "[]" : nil
        case .text(let text): YAMLText.isBlock(text) ? nil : YAMLText.scalar(text)
        case .number(let number): "\(number)"
        case .flag(let flag): "\(flag)"
        }
    }

    /// A text of lines that a literal block gives back byte for byte; all others are quoted.
    private static func isBlock(_ text: String) -> Bool {
        guard text.hasSuffix("\n"), !text.hasSuffix("\n\n"), text.first != " ", text.first != "\n" else { return false }
        return text.unicodeScalars.allSatisfy { $0 == "\n" || ($0.value >= 32 && !(127...159).contains($0.value)) }
    }

    private static func block(_ text: String) -> [String] {
        text.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map { $0.isEmpty ? "" : "  \($0)" }
    }

    private static func scalar(_ text: String) -> String {
        let isWord =
            text.first?.isLetter == true
            && text.utf8.allSatisfy {
                (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0 | 32)
                    || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) || "-._/".utf8.contains($0)
            }
        // What some reader of YAML 1.1 takes for a truth value or nothing.
        let words: Set<String> = ["true", "false", "yes", "no", "on", "off", "null", "y", "n"]
        if isWord, !words.contains(text.lowercased()) { return text }
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case "\n": quoted += "\\n"
            case "\t": quoted += "\\t"
            default:
                if scalar.value < 32 || (127...159).contains(scalar.value) {
                    let digits = String(scalar.value, radix: 16)
                    quoted += "\\x" + String(repeating: "0", count: 2 - digits.count) + digits
                } else {
                    quoted.unicodeScalars.append(scalar)
                }
            }
        }
        return quoted + "\""
    }
}
