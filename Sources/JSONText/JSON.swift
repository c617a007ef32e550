/// A JSON text (RFC 8259). The formats read here come from strangers, so reading is strict: one value and nothing after it,
/// valid UTF-8, no name twice in one object, a bounded depth.
package enum JSON: Hashable, Sendable {
    case null
    case bool(Bool)
    /// A number written without fraction or exponent that fits 64 bits.
    case integer(Int)
    /// Any other number; always finite.
    case number(Double)
    case string(String)
    case array([JSON])
    case object([String: JSON])

    /// Deeper nesting than this is refused: no format read here needs it, and reading recurses.
    package static let maximumDepth = 64

    /// Reads one text. The caller bounds its length before it reads the bytes.
    package init(_ bytes: some Collection<UInt8>) throws(JSONError) {
        var parser = JSONParser(Array(bytes))
        self = try parser.text()
    }

    /// What kind of value this is, for messages.
    package var kind: String {
        switch self {
        case .null: "null"
        case .bool: "true or false"
        case .integer: "a whole number"
        case .number: "a number"
        case .string: "a string"
        case .array: "a list"
        case .object: "an object"
        }
    }
}

/// Why a JSON text was refused, and where.
package struct JSONError: Error, Equatable, CustomStringConvertible {
    package enum Place: Equatable, Sendable {
        /// Both counted from 1; the column in bytes.
        case text(line: Int, column: Int)
        /// A field, as a path of names: `tensors.weight.shape`.
        case field(String)
    }

    package let place: Place
    package let reason: String

    package init(_ place: Place, _ reason: String) {
        self.place = place
        self.reason = reason
    }

    package var description: String {
        switch place {
        case .text(let line, let column): "JSON, line \(line), column \(column): \(reason)"
        case .field(let path): path.isEmpty ? "JSON: \(reason)" : "JSON, \(path): \(reason)"
        }
    }
}
