internal import Yams

/// A YAML file, composed under caps, with the list of what is wrong with it.
///
/// Most readers want `ConfigurationFile.read`; this is for those that check on after reading, as the topology does.
package struct Document {
    /// Containers inside containers.
    package static let maximumDepth = 32
    /// Keys and values together, each alias counted as what it stands for.
    package static let maximumNodes = 50_000
    /// Places that look like an anchor or an alias. Few enough that what they expand to stays small: n aliases can
    /// stand for about 3^(n/3) times what is written.
    package static let maximumAliases = 16

    package let problems: ProblemList
    package let root: Section

    package init(at path: String) throws(ConfigurationError) {
        try self.init(text: try FileText.read(path), file: path)
    }

    /// `file` names the text in problems; relative paths in it are taken from its folder.
    package init(text: String, file: String) throws(ConfigurationError) {
        let problems = ProblemList(file: file)
        self.problems = problems
        guard text.utf8.count <= FileText.maximumByteCount else {
            problems.note(
                "is \(text.utf8.count) bytes long; a configuration may have \(FileText.maximumByteCount)", at: nil)
            throw ConfigurationError(problems.errors)
        }
        if let place = AliasCount.place(ofAlias: Document.maximumAliases + 1, in: text) {
            problems.note("more than \(Document.maximumAliases) anchors and aliases: write the values out", at: place)
            throw ConfigurationError(problems.errors)
        }
        let start = Place(line: 1, column: 1)
        let node: Node?
        do {
            // Only the texts are wanted: what a value is, its reader decides. Yams' own resolver of types is made of regular
            // expressions, which bring ICU into the memory of every stage.
            node = try Yams.compose(yaml: text, .basic)
        } catch {
            problems.note(error.sentence, at: error.place)
            throw ConfigurationError(problems.errors)
        }
        // A file of comments alone has no keys: every default stands, every required key is missing.
        if let node, node.mapping == nil {
            problems.note("expected `key: value` lines at the top", at: node.place ?? start)
            throw ConfigurationError(problems.errors)
        }
        if let node, let refusal = Shape.refusal(of: node) {
            problems.note(refusal.message, at: refusal.place)
            throw ConfigurationError(problems.errors)
        }
        let mapping = node?.mapping ?? Node.Mapping([])
        root = Section(mapping, name: "", place: start, folder: FilePath.folder(of: file), problems: problems)
    }
}

extension Node {
    var place: Place? { mark.map { Place(line: $0.line, column: $0.column) } }
}

/// Counts what may be anchors and aliases in the text itself, because composing expands them and compares keys, which
/// is where a small file can cost hours. Quoted text is counted too: it is a limit, not a reading.
private enum AliasCount {
    static func place(ofAlias limit: Int, in text: String) -> Place? {
        var (line, column, count) = (1, 0, 0)
        var previous = UInt8(ascii: "\n")
        var comment = false
        for byte in text.utf8 {
            column += 1
            if byte == UInt8(ascii: "\n") {
                (line, column, comment) = (line + 1, 0, false)
            } else if byte == UInt8(ascii: "#"), opens(previous) {
                comment = true
            } else if !comment, byte == UInt8(ascii: "*") || byte == UInt8(ascii: "&"), opens(previous) {
                count += 1
                if count >= limit { return Place(line: line, column: column) }
            }
            previous = byte
        }
        return nil
    }

    /// A token can start after blank space, a flow mark, or what begins a key in flow style.
    private static func opens(_ byte: UInt8) -> Bool {
        byte <= 32 || "[{,:?".utf8.contains(byte) || byte >= 128
    }
}

/// Refuses a document that is too deep or too large once its aliases are followed.
private enum Shape {
    static func refusal(of root: Node) -> (message: String, place: Place?)? {
        var pending: [(node: Node, depth: Int)] = [(root, 1)]
        var count = 0
        while let (node, depth) = pending.popLast() {
            count += 1
            guard count <= Document.maximumNodes else {
                return ("more than \(Document.maximumNodes) keys and values", node.place)
            }
            guard depth <= Document.maximumDepth else {
                return ("nested more than \(Document.maximumDepth) deep", node.place)
            }
            switch node {
            case .mapping(let mapping):
                for (key, value) in mapping {
                    pending.append((key, depth + 1))
                    pending.append((value, depth + 1))
                }
            case .sequence(let sequence):
                for value in sequence { pending.append((value, depth + 1)) }
            case .scalar, .alias: break
            }
        }
        return nil
    }
}

extension Error {
    /// Where YAML's own grammar was broken.
    fileprivate var place: Place? {
        guard let error = self as? YamlError else { return nil }
        switch error {
        case .scanner(_, _, let mark, _), .parser(_, _, let mark, _), .composer(_, _, let mark, _):
            return Place(line: mark.line, column: mark.column)
        case .duplicatedKeysInMapping(_, let context):
            return Place(line: context.mark.line, column: context.mark.column)
        case .reader(_, let offset, _, let text):
            guard let offset else { return nil }
            let before = text.prefix(offset)
            let line = before.split(separator: "\n", omittingEmptySubsequences: false)
            return Place(line: line.count, column: (line.last?.count ?? 0) + 1)
        default: return nil
        }
    }

    fileprivate var sentence: String {
        guard let error = self as? YamlError else { return "is not YAML: \(self)" }
        switch error {
        case .scanner(let context, let problem, _, _), .parser(let context, let problem, _, _),
            .composer(let context, let problem, _, _):
            return "is not YAML: \(context.map { "\($0.text): " } ?? "")\(problem)"
        case .reader(let problem, _, _, _): return "is not YAML: \(problem)"
        case .duplicatedKeysInMapping(let keys, _):
            return "\(keys.map { "`\($0.prefix(80))`" }.joined(separator: ", ")) is given more than once in one mapping"
        case .memory: return "is not YAML: out of memory"
        default: return "is not YAML"
        }
    }
}
