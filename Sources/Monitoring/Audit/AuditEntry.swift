package import Sodium

/// A line of an audit trail: an event that an auditor asks about, signed by its stage and chained to the entry before it.
///
///     {"entry":7,"previous":"<digest>","event":{...},"key":"<digest>","signature":"<signature>"}
///
/// `previous` is the BLAKE2b-256 digest of the line before, without its end (64 zeros before the first); `key` is that of the
/// Ed25519 public key; what is signed is `tributary audit`, a newline, and the line up to the end of `event`.
package struct AuditEntry: Sendable, Equatable {
    package static let maximumBytes = EventLine.maximumBytes + 512
    static let beginning = String(repeating: "0", count: 64)

    package let number: UInt64
    package let previous: String
    package let event: Event
    /// Of the key that signed it.
    package let key: String
    /// Of this whole line: what the next one names.
    package let digest: String

    /// The line of an event, without its end.
    static func line(_ number: UInt64, after previous: String, event: some Sequence<UInt8>, by key: SigningKey)
        -> [UInt8]
    {
        var line = Array("{\"entry\":\(number),\"previous\":\"\(previous)\",\"event\":".utf8)
        line += event
        let signature = key.signature(of: signed(line[...]))
        line += ",\"key\":\"\(name(of: key.verifyingKey))\",\"signature\":\"\(Hex.encode(signature.bytes))\"}".utf8
        return line
    }

    package static func name(of key: VerifyingKey) -> String { Digest(of: key.bytes).description }

    private static func signed(_ part: ArraySlice<UInt8>) -> [UInt8] { Array("tributary audit\n".utf8) + part }

    /// `,"key":"` 64 `","signature":"` 128 `"}`
    private static let tailBytes = 8 + 64 + 15 + 128 + 2

    /// Reads a line and checks its signature; whether it follows the one before is the trail's to say.
    package init(_ line: some Collection<UInt8>, keys: [String: VerifyingKey]) throws(AuditFault) {
        let line = Array(line)
        guard line.count <= AuditEntry.maximumBytes, line.count > AuditEntry.tailBytes else {
            throw .malformed("a line of \(line.count) bytes")
        }
        let body = line.dropLast(AuditEntry.tailBytes)
        let tail = String(decoding: line.suffix(AuditEntry.tailBytes), as: UTF8.self)
        guard let opening = AuditEntry.opening(body) else { throw .malformed("no entry of an audit trail") }
        let parts = tail.split(separator: "\"", omittingEmptySubsequences: false)
        guard parts.count == 9, parts[0] == ",", parts[1] == "key", parts[2] == ":", parts[4] == ",",
            parts[5] == "signature", parts[6] == ":", parts[8] == "}", parts[3].utf8.count == 64,
            let bytes = Hex.decode(String(parts[7])), let signature = Signature(bytes: bytes)
        else { throw .malformed("no key and signature at its end") }
        let name = String(parts[3])
        guard let key = keys[name] else { throw .unknownKey(name) }
        guard key.verifies(signature, of: AuditEntry.signed(body)) else { throw .wrongSignature }
        do { event = try EventLine.event(body[opening.end...]) } catch { throw .malformed("its event: \(error)") }
        (number, previous) = (opening.number, opening.previous)
        self.key = name
        digest = Digest(of: line).description
    }

    /// What stands before the event, and where that begins.
    private static func opening(_ body: ArraySlice<UInt8>) -> (number: UInt64, previous: String, end: Int)? {
        let head = String(decoding: body.prefix(128), as: UTF8.self)
        let parts = head.split(separator: "\"", maxSplits: 8, omittingEmptySubsequences: false)
        guard parts.count == 9, parts[0] == "{", parts[1] == "entry", parts[3] == "previous", parts[4] == ":",
            parts[5].utf8.count == 64, parts[6] == ",", parts[7] == "event", parts[8].first == ":",
            parts[2].first == ":", parts[2].last == ",", let number = UInt64(parts[2].dropFirst().dropLast()),
            // There is one that follows it, and no other way to write it.
            number < .max, parts[2].dropFirst().dropLast() == "\(number)"
        else { return nil }
        let length = parts.dropLast().reduce(0) { $0 + $1.utf8.count + 1 } + 1
        return (number, String(parts[5]), body.startIndex + length)
    }
}

/// What is wrong with an audit trail.
package enum AuditFault: Error, Equatable, CustomStringConvertible {
    case malformed(String)
    case unknownKey(String)
    case wrongSignature
    case wrongStage(String)
    /// Entries are missing, doubled or in another order.
    case broken(expected: UInt64, found: UInt64)
    /// The entry before is not the one that it names.
    case changed
    case unreadable(String)

    package var description: String {
        switch self {
        case .malformed(let what): what
        case .unknownKey(let key): "signed with a key of which no card is here (\(key.prefix(8)))"
        case .wrongSignature: "its signature is not its key's: it was changed"
        case .wrongStage(let stage): "it is \(stage)'s"
        case .broken(let expected, let found):
            "entry \(found) where \(expected) should be: entries are missing or out of order"
        case .changed: "it does not follow the entry before: that one was changed or replaced"
        case .unreadable(let reason): reason
        }
    }
}
