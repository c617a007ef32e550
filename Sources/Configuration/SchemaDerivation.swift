/// Derives a JSON Schema from a reader, by running it over imagined files (`ImaginedFile`). What the reader checks across several
/// keys, or beyond what a type, a range and a list of words say, is not in it: a file that the schema accepts may still be refused, a
/// file that it refuses is refused.
package enum SchemaDerivation {
    package static func schema(title: String, _ reader: (Section) throws -> Void) -> String {
        let root = SectionRecording()
        @discardableResult
        func read(_ file: ImaginedFile) -> ImaginedFile {
            let section = Section.imagined(root, in: file)
            // What it throws for the values of an imagined file says nothing about its keys.
            do { try reader(section) } catch { section.refuse("\(error)") }
            section.finish()
            return file
        }
        let whole = read(ImaginedFile(hasOptionalKeys: true))
        let bare = read(ImaginedFile(hasOptionalKeys: false))
        for hasOptionalKeys in [true, false] {
            for key in whole.optionalKeys.union(bare.optionalKeys).sorted() {
                read(ImaginedFile(hasOptionalKeys: hasOptionalKeys, but: key))
            }
            for (name, words) in whole.choices.sorted(by: { $0.key < $1.key }) {
                for word in words { read(ImaginedFile(hasOptionalKeys: hasOptionalKeys, chosen: (name, word))) }
            }
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
        let head: [(String, SchemaText)] =
            abouts.isEmpty ? [] : [("description", .text(abouts.joined(separator: "; ")))]
        let schemas = shapes.map(schema(of:))
        guard schemas.count == 1, case .object(let members) = schemas[0] else {
            return .object(head + [("anyOf", .list(schemas))])
        }
        return .object(head + members + (standardText.map { [("default", $0)] } ?? []))
    }

    /// The default as a file would have it.
    private var standardText: SchemaText? {
        guard shapes == [.size], case .int(let bytes)? = standard else { return standard }
        return .text(Quantity.text(ofByteSize: bytes))
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
            case .any: return type("object", [("additionalProperties", entry(keys.samples[0]).schema)])
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
            case .wordsOr(let words, let pattern, let sample):
                return type(
                    "object",
                    [
                        ("properties", .object(words.map { ($0, entry($0).schema) })),
                        ("patternProperties", .object([(pattern, entry(sample).schema)])),
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
