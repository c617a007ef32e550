/// What a value of a file may be, as the reader that was asked for it says.
enum ValueShape: Hashable {
    case text
    case bool
    case int(ClosedRange<Int>)
    case double(ClosedRange<Double>)
    case choice([String])
    case duration
    case size
    case path
    case list(ClosedRange<Int>)
    case section
    case entries(Value.Keys)
}

/// What the readers of one key have asked, over several readings.
final class ValueRecording {
    private(set) var shapes: [ValueShape] = []
    /// Of a list's elements.
    lazy var element: ValueRecording = ValueRecording()
    /// Of a mapping with known keys.
    lazy var section: SectionRecording = SectionRecording()
    /// Of a mapping with free keys: by key, or under the name of the pattern.
    private(set) var entries: [String: ValueRecording] = [:]

    private(set) var standard: SchemaText?

    /// A default; one that is made of other values is not the same in every imagined file, and is left out.
    func note(standard value: Any) {
        let text: SchemaText? =
            switch value {
            case let number as Int: .int(number)
            case let number as Double: .double(number)
            case let flag as Bool: .flag(flag)
            case let text as String: text.isEmpty ? nil : .text(text)
            case let choice as any RawRepresentable<String>: .text(choice.rawValue)
            default: nil
            }
        if isVarying || (standard != nil && standard?.rendered != text?.rendered) {
            (standard, isVarying) = (nil, true)
        } else {
            standard = text
        }
    }
    private var isVarying = false

    func note(_ shape: ValueShape) {
        if !shapes.contains(shape) { shapes.append(shape) }
    }

    func entry(_ key: String) -> ValueRecording {
        if let known = entries[key] { return known }
        let new = ValueRecording()
        entries[key] = new
        return new
    }
}

/// What the readers of one section have asked. A reader asks for some keys only where others are there, so it is run over many
/// imagined files: with every key, with none, and with one more or less.
final class SectionRecording {
    private(set) var properties: [String: ValueRecording] = [:]
    private var required: Set<String>?
    private var asked: Set<String> = []
    private(set) var optional: Set<String> = []
    /// Which of the keys that need not be there the imagined file has, by their whole name.
    private(set) var presence: Presence = .all

    struct Presence {
        let standard: Bool
        var exception: String?

        static let all = Presence(standard: true)

        func has(_ name: String) -> Bool { name == exception ? !standard : standard }
    }

    func begin(_ presence: Presence) {
        self.presence = presence
        asked = []
    }

    func property(_ key: String) -> ValueRecording {
        if let known = properties[key] { return known }
        let new = ValueRecording()
        properties[key] = new
        return new
    }

    func has(_ key: String, of section: String) -> Bool {
        optional.insert(key)
        return presence.has(section.isEmpty ? key : "\(section).\(key)")
    }

    func require(_ key: String) { asked.insert(key) }

    /// At the end of a reading: a key must be there if it was wanted whatever else was.
    func finish() { required = required?.intersection(asked) ?? asked }

    var requiredKeys: [String] { (required ?? []).sorted() }
}

/// Derives a JSON Schema from a reader, by running it over imagined files (`SectionRecording`). What the reader checks across several
/// keys, or beyond what a type, a range and a list of words say, is not in it: a file that the schema accepts may still be refused, a
/// file that it refuses is refused.
package enum SchemaDerivation {
    package static func schema(title: String, _ reader: (Section) throws -> Void) -> String {
        let root = SectionRecording()
        var names: [String] = []
        func read(_ presence: SectionRecording.Presence) {
            let section = Section.imagined(root, presence: presence, names: { names.append($0) })
            // What it throws for the values of an imagined file says nothing about its keys.
            do { try reader(section) } catch { section.refuse("\(error)") }
            section.finish()
        }
        read(.all)
        read(SectionRecording.Presence(standard: false))
        let optional = Set(names)
        for standard in [true, false] {
            for name in optional.sorted() { read(SectionRecording.Presence(standard: standard, exception: name)) }
        }
        var members: [(String, SchemaText)] = [
            ("$schema", .text("https://json-schema.org/draft/2020-12/schema")), ("title", .text(title)),
        ]
        members += root.members(isWhole: true)
        return SchemaText.object(members).rendered
    }
}

extension SectionRecording {
    /// - Parameter isWhole: for a whole file, which may hold nothing at all where it need not hold anything.
    fileprivate func members(isWhole: Bool = false) -> [(String, SchemaText)] {
        var members: [(String, SchemaText)] = [
            ("type", isWhole && requiredKeys.isEmpty ? .list([.text("object"), .text("null")]) : .text("object"))
        ]
        // A key that was looked at and never read must not be there.
        let known = properties.filter { !$0.value.shapes.isEmpty }.sorted { $0.key < $1.key }
        members.append(("properties", .object(known.map { ($0.key, $0.value.schema) })))
        if !requiredKeys.isEmpty { members.append(("required", .list(requiredKeys.map { .text($0) }))) }
        members.append(("additionalProperties", .flag(false)))
        return members
    }
}

extension ValueRecording {
    fileprivate var schema: SchemaText {
        let schemas = shapes.map(schema(of:))
        guard schemas.count == 1, case .object(let members) = schemas[0] else {
            return .object([("anyOf", .list(schemas))])
        }
        return .object(members + (standard.map { [("default", $0)] } ?? []))
    }

    private func schema(of shape: ValueShape) -> SchemaText {
        func type(_ name: String, _ more: [(String, SchemaText)] = []) -> SchemaText {
            .object([("type", .text(name))] + more)
        }
        switch shape {
        case .text: return .object(ValueRecording.anyText)
        case .path: return .object(ValueRecording.anyText + [("minLength", .int(1)), ("maxLength", .int(4095))])
        case .bool: return type("boolean")
        case .choice(let words): return .object([("enum", .list(words.map { .text($0) }))])
        case .duration: return type("string", [("pattern", .text(#"^[0-9]+(\.[0-9]+)? *(us|ms|s|m|h|d)$"#))])
        case .size:
            return type("string", [("pattern", .text(#"^[0-9]+(\.[0-9]+)? *(B|kB|MB|GB|TB|KiB|MiB|GiB|TiB)$"#))])
        case .int(let range):
            var more: [(String, SchemaText)] = []
            if range.lowerBound != Int.min { more.append(("minimum", .int(range.lowerBound))) }
            if range.upperBound != Int.max { more.append(("maximum", .int(range.upperBound))) }
            return type("integer", more)
        case .double(let range):
            var more: [(String, SchemaText)] = []
            if range.lowerBound == Double.leastNonzeroMagnitude {
                more.append(("exclusiveMinimum", .int(0)))
            } else if range.lowerBound != -Double.greatestFiniteMagnitude {
                more.append(("minimum", .double(range.lowerBound)))
            }
            if range.upperBound != Double.greatestFiniteMagnitude {
                more.append(("maximum", .double(range.upperBound)))
            }
            return type("number", more)
        case .list(let count):
            var more: [(String, SchemaText)] = []
            if !element.shapes.isEmpty { more.append(("items", element.schema)) }
            if count.lowerBound > 0 { more.append(("minItems", .int(count.lowerBound))) }
            if count.upperBound != Int.max { more.append(("maxItems", .int(count.upperBound))) }
            return type("array", more)
        case .section: return .object(section.members())
        case .entries(let keys):
            switch keys {
            case .any: return type("object", [("additionalProperties", entry(keys.sample).schema)])
            case .pattern(let pattern, let sample):
                return type(
                    "object",
                    [
                        ("propertyNames", .object([("pattern", .text(pattern))])),
                        ("additionalProperties", entry(sample).schema),
                    ])
            case .words(let words):
                return type(
                    "object",
                    [
                        ("properties", .object(words.map { ($0, entry($0).schema) })),
                        ("additionalProperties", .flag(false)),
                    ])
            }
        }
    }

    /// A text in these files is any scalar, as it is written: `owner: 7` too.
    private static var anyText: [(String, SchemaText)] {
        [("type", .list([.text("string"), .text("number"), .text("boolean")]))]
    }
}

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
