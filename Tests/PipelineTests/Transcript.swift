import Foundation

/// A session at a terminal as a document shows it: a fenced block of `console`, named by a comment before it,
///
///     <!-- replayed: NAME -->
///     ```console
///     $ a command
///     what it prints
///     ```
///
/// In what is printed, 0 stands for 0, another whole number for any but 0 (parts of a time of day or of what is padded with zeros for any),
/// a decimal for any, runs of spaces for any, a line `...` for any lines, and `…` for any text.
struct Transcript {
    struct Step {
        let command: String
        let expected: [String]
    }

    let steps: [Step]

    struct Missing: Error, CustomStringConvertible {
        let description: String
    }

    init(_ name: String, in path: String) throws {
        let lines = try String(contentsOfFile: path, encoding: .utf8).split(
            separator: "\n", omittingEmptySubsequences: false
        ).map(String.init)
        guard let mark = lines.firstIndex(of: "<!-- replayed: \(name) -->"), lines.count > mark + 1,
            lines[mark + 1] == "```console", let end = lines[(mark + 2)...].firstIndex(of: "```")
        else { throw Missing(description: "\(path) has no transcript \(name)") }
        var steps: [Step] = []
        for line in lines[(mark + 2)..<end] {
            if line.hasPrefix("$ ") {
                steps.append(Step(command: String(line.dropFirst(2)), expected: []))
            } else if let last = steps.popLast() {
                steps.append(Step(command: last.command, expected: last.expected + [line]))
            }
        }
        guard !steps.isEmpty else { throw Missing(description: "transcript \(name) has no command") }
        self.steps = steps
    }

    /// Whether what was printed is what the transcript shows.
    static func matches(_ printed: String, _ expected: [String]) throws -> Bool {
        let pattern = expected.map { line in
            line == "..." ? "(?:.*\n)*?" : form(line) + "[ ]*\n"
        }.joined()
        let text = printed.hasSuffix("\n") || printed.isEmpty ? printed : printed + "\n"
        return text.wholeMatch(of: try Regex(pattern)) != nil
    }

    private static func number(_ digits: Substring, isClock: Bool) -> String {
        let end = digits.last == "." ? "\\." : ""
        let whole = digits.last == "." ? digits.dropLast() : digits
        if isClock || whole.contains(".") || whole.count > 1 && whole.first == "0" { return "[0-9][0-9.]*" + end }
        return (whole == "0" ? "0" : "(?=[0-9]*[1-9])[0-9]+(?:\\.[0-9]+)*") + end
    }

    /// A line as a pattern.
    private static func form(_ line: String) -> String {
        var result = ""
        var rest = Substring(line)
        var previous: Character = " "
        while let character = rest.first {
            defer { previous = character }
            if character.isASCII && character.isNumber {
                let digits = rest.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
                rest = rest.dropFirst(digits.count)
                result += number(digits, isClock: previous == ":" || rest.first == ":")
                continue
            }
            rest = rest.dropFirst()
            switch character {
            case " ":
                rest = rest.drop { $0 == " " }
                result += " +"
            case "…": result += ".*"
            default: result += NSRegularExpression.escapedPattern(for: String(character))
            }
        }
        return result
    }
}
