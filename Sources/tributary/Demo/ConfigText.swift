internal import Configuration
internal import Glibc

/// A config or topology file as text, for copies that differ in a few keys.
enum ConfigText {
    private static let maximumByteCount = 1 << 20

    static func read(_ path: String) throws -> String {
        let file = try Descriptor.opening(path, O_RDONLY)
        var buffer = [UInt8](repeating: 0, count: 65_536)
        var bytes: [UInt8] = []
        while case .bytes(let read) = try file.read(into: &buffer) {
            bytes += read
            guard bytes.count <= maximumByteCount else {
                throw LauncherError.configuration("\(path): longer than the \(maximumByteCount) bytes of a config")
            }
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw LauncherError.configuration("\(path): is not UTF-8 text")
        }
        return text
    }

    static func write(_ text: String, to path: String) throws {
        let file = try Descriptor.opening(path, O_WRONLY | O_CREAT | O_TRUNC, mode: 0o644)
        try file.writeAll(text.utf8)
    }

    /// `text` with the top-level `values` in place of what it says, the rest as it is, comments included.
    static func overriding(_ text: String, with values: [(key: String, value: String)]) -> String {
        var lines: [Substring] = []
        var isDropping = false
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            // What is indented under a key that is replaced goes with it.
            if isDropping, line.first == " " || line.first == "-" { continue }
            isDropping = values.contains { line.hasPrefix("\($0.key):") }
            if !isDropping { lines.append(line) }
        }
        while lines.last?.isEmpty == true { lines.removeLast() }
        return (lines + values.map { "\($0.key): \($0.value)" }).joined(separator: "\n") + "\n"
    }

    /// A YAML scalar that is the text and nothing else (YAML 1.2, section 7.3.1).
    static func quoted(_ text: String) -> String {
        let escaped = text.flatMap { character in
            character == "\"" || character == "\\" ? ["\\", character] : [character]
        }
        return "\"\(String(escaped))\""
    }
}
