package import MessagePack
package import Sodium

/// Reads a msgpack map strictly: every key is asked for once, what is missing, of the wrong type or unknown is an error
/// that names its place. The lengths that msgpack declares were checked before (MessagePack.Limits).
package struct Fields {
    private var pairs: [String: Value]
    private let place: String

    package init(_ value: Value, at place: String) throws(FederationError) {
        guard case .map(let pairs) = value else {
            throw .malformed(place: place, "expected a map, found \(value.kind)")
        }
        self.pairs = Dictionary(pairs.map { ($0.key, $0.value) }) { first, _ in first }
        self.place = place
    }

    private func refused(_ key: String, _ expected: String, _ found: Value) -> FederationError {
        .malformed(place: "\(place).\(key)", "expected \(expected), found \(found.kind)")
    }

    package mutating func take(_ key: String) throws(FederationError) -> Value {
        guard let value = pairs.removeValue(forKey: key) else { throw .malformed(place: "\(place).\(key)", "missing") }
        return value
    }

    /// Nil where the value is nil; the key itself is always there, so that a document has one form.
    package mutating func optional(_ key: String) throws(FederationError) -> Value? {
        let value = try take(key)
        return value == .none ? nil : value
    }

    /// A key that has nothing to say here, given what the others say.
    package mutating func empty(_ key: String) throws(FederationError) {
        guard try optional(key) == nil else {
            throw .malformed(place: "\(place).\(key)", "has no business here")
        }
    }

    package mutating func text(_ key: String, limit: Int = 256) throws(FederationError) -> String {
        let value = try take(key)
        guard case .text(let text) = value else { throw refused(key, "text", value) }
        guard text.utf8.count <= limit else {
            throw .malformed(place: "\(place).\(key)", "\(text.utf8.count) bytes of text, at most \(limit) are taken")
        }
        return text
    }

    package mutating func bytes(_ key: String, limit: Int) throws(FederationError) -> [UInt8] {
        let value = try take(key)
        guard case .bytes(let bytes) = value else { throw refused(key, "bytes", value) }
        guard bytes.count <= limit else {
            throw .malformed(place: "\(place).\(key)", "\(bytes.count) bytes, at most \(limit) are taken")
        }
        return bytes
    }

    package mutating func digest(_ key: String) throws(FederationError) -> Digest {
        let bytes = try bytes(key, limit: Digest.byteCount)
        guard let digest = Digest(bytes: bytes) else {
            throw .malformed(place: "\(place).\(key)", "expected a digest of 32 bytes, found \(bytes.count)")
        }
        return digest
    }

    package mutating func integer(_ key: String, in range: ClosedRange<Int>) throws(FederationError) -> Int {
        let value = try take(key)
        guard case .unsigned(let number) = value else { throw refused(key, "a number", value) }
        guard let integer = Int(exactly: number), range.contains(integer) else {
            throw .malformed(place: "\(place).\(key)", "\(number) is not in \(range.lowerBound)...\(range.upperBound)")
        }
        return integer
    }

    /// Nil where the value is nil.
    package mutating func optionalCount(_ key: String, in range: ClosedRange<Int>) throws(FederationError) -> UInt32? {
        guard let value = pairs[key], value != .none else {
            _ = try take(key)
            return nil
        }
        return UInt32(clamping: try integer(key, in: range))
    }

    package mutating func wide(_ key: String) throws(FederationError) -> UInt64 {
        let value = try take(key)
        guard case .unsigned(let number) = value else { throw refused(key, "a number", value) }
        return number
    }

    package mutating func real(_ key: String, in range: ClosedRange<Double>) throws(FederationError) -> Double {
        let value = try take(key)
        guard case .double(let number) = value else { throw refused(key, "a floating-point number", value) }
        guard number.isFinite, range.contains(number) else {
            throw .malformed(place: "\(place).\(key)", "\(number) is not in \(range.lowerBound)...\(range.upperBound)")
        }
        return number
    }

    package mutating func list(_ key: String, limit: Int) throws(FederationError) -> [Value] {
        let value = try take(key)
        guard case .list(let elements) = value else { throw refused(key, "a list", value) }
        guard elements.count <= limit else {
            throw .malformed(place: "\(place).\(key)", "\(elements.count) elements, at most \(limit) are taken")
        }
        return elements
    }

    package mutating func choice<Choice: RawRepresentable & CaseIterable>(
        _ key: String
    ) throws(FederationError) -> Choice where Choice.RawValue == String {
        guard let choice: Choice = try optionalChoice(key) else {
            throw refused(key, "text", .none)
        }
        return choice
    }

    /// Nil where the value is nil.
    package mutating func optionalChoice<Choice: RawRepresentable & CaseIterable>(
        _ key: String
    ) throws(FederationError) -> Choice? where Choice.RawValue == String {
        guard let value = try optional(key) else { return nil }
        guard case .text(let text) = value else { throw refused(key, "text", value) }
        guard let choice = Choice(rawValue: text) else {
            let known = Choice.allCases.map(\.rawValue).joined(separator: ", ")
            throw .malformed(place: "\(place).\(key)", "\"\(text.prefix(40))\" is none of \(known)")
        }
        return choice
    }

    package mutating func cloud(_ key: String) throws(FederationError) -> CloudName { try CloudName(text(key)) }
    package mutating func stage(_ key: String) throws(FederationError) -> StageName { try StageName(text(key)) }
    package mutating func run(_ key: String) throws(FederationError) -> RunName { try RunName(text(key)) }

    package mutating func round(_ key: String) throws(FederationError) -> RoundNumber {
        RoundNumber(UInt32(try integer(key, in: 0...Int(UInt32.max))))
    }

    /// The last call: a key that nobody asked for is an error.
    package func finish() throws(FederationError) {
        guard let unknown = pairs.keys.sorted().first else { return }
        throw .malformed(place: "\(place).\(unknown.prefix(64))", "unknown key")
    }
}

extension Value {
    package static func number(_ number: Int) -> Value {
        precondition(number >= 0, "the protocol's numbers are not negative")
        return .unsigned(UInt64(number))
    }
    package static func optionalNumber(_ number: UInt32?) -> Value { number.map { .unsigned(UInt64($0)) } ?? .none }
    package static func digest(_ digest: Digest) -> Value { .bytes(digest.bytes) }
    package static func round(_ round: RoundNumber) -> Value { .unsigned(UInt64(round.value)) }
}
