/// A msgpack value, as far as the protocol uses the format: no extension types, no floats of 32 bits, text keys only.
package enum Value: Equatable, Sendable {
    case none
    case bool(Bool)
    case unsigned(UInt64)
    /// Negative numbers only; a number that is not negative is `unsigned`, so that equal numbers are equal values.
    case negative(Int64)
    case double(Double)
    case text(String)
    case bytes([UInt8])
    case list([Value])
    /// In the order of the wire; keys are unique.
    case map([(key: String, value: Value)])

    package static func == (left: Value, right: Value) -> Bool {
        switch (left, right) {
        case (.none, .none): true
        case (.bool(let l), .bool(let r)): l == r
        case (.unsigned(let l), .unsigned(let r)): l == r
        case (.negative(let l), .negative(let r)): l == r
        case (.double(let l), .double(let r)): l.bitPattern == r.bitPattern
        case (.text(let l), .text(let r)): l == r
        case (.bytes(let l), .bytes(let r)): l == r
        case (.list(let l), .list(let r)): l == r
        case (.map(let l), .map(let r)):
            l.count == r.count && zip(l, r).allSatisfy { $0.key == $1.key && $0.value == $1.value }
        default: false
        }
    }

    /// What a person would call it in a message.
    package var kind: String {
        switch self {
        case .none: "nil"
        case .bool: "a boolean"
        case .unsigned: "a number"
        case .negative: "a negative number"
        case .double: "a floating-point number"
        case .text: "text"
        case .bytes: "bytes"
        case .list: "a list"
        case .map: "a map"
        }
    }
}
