/// A value inside a JSON text together with its path, so that a refusal can say which field it is about.
package struct JSONField: Sendable {
    package let value: JSON
    package let path: String

    package init(_ value: JSON, path: String = "") {
        self.value = value
        self.path = path
    }

    package func refused(_ reason: String) -> JSONError { JSONError(.field(path), reason) }

    private func mismatch(_ expected: String) -> JSONError { refused("expected \(expected), found \(value.kind)") }

    // MARK: Objects

    package func members() throws(JSONError) -> [String: JSON] {
        guard case .object(let members) = value else { throw mismatch("an object") }
        return members
    }

    /// Refuses every name that is not in `names`.
    package func allow(only names: Set<String>) throws(JSONError) {
        let unknown = try members().keys.filter { !names.contains($0) }.sorted()
        guard let first = unknown.first else { return }
        throw refused("\"\(first.prefix(80))\" is not known here; known are \(names.sorted().joined(separator: ", "))")
    }

    package func member(_ name: String) throws(JSONError) -> JSONField {
        guard let found = try members()[name] else { throw refused("\"\(name)\" is missing") }
        return JSONField(found, path: path.isEmpty ? name : "\(path).\(name)")
    }

    /// The member, or nil where it is absent or null.
    package func optional(_ name: String) throws(JSONError) -> JSONField? {
        guard let found = try members()[name], found != .null else { return nil }
        return JSONField(found, path: path.isEmpty ? name : "\(path).\(name)")
    }

    // MARK: Values

    package func elements(atMost maximum: Int) throws(JSONError) -> [JSONField] {
        guard case .array(let elements) = value else { throw mismatch("a list") }
        guard elements.count <= maximum else {
            throw refused("expected at most \(maximum) entries, found \(elements.count)")
        }
        return elements.enumerated().map { JSONField($1, path: "\(path)[\($0)]") }
    }

    package func string(atMost maximum: Int = 1024) throws(JSONError) -> String {
        guard case .string(let text) = value else { throw mismatch("a string") }
        guard text.utf8.count <= maximum else {
            throw refused("expected at most \(maximum) bytes, found \(text.utf8.count)")
        }
        return text
    }

    package func bool() throws(JSONError) -> Bool {
        guard case .bool(let flag) = value else { throw mismatch("true or false") }
        return flag
    }

    package func integer(in range: ClosedRange<Int>) throws(JSONError) -> Int {
        guard case .integer(let number) = value else { throw mismatch("a whole number") }
        guard range.contains(number) else {
            throw refused("expected \(range.lowerBound) to \(range.upperBound), found \(number)")
        }
        return number
    }

    package func number(in range: ClosedRange<Double>) throws(JSONError) -> Double {
        let number: Double
        switch value {
        case .integer(let whole): number = Double(whole)
        case .number(let real): number = real
        default: throw mismatch("a number")
        }
        guard range.contains(number) else {
            throw refused("expected \(range.lowerBound) to \(range.upperBound), found \(number)")
        }
        return number
    }
}
