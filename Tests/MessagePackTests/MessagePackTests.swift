import MessagePack
import Testing

@Suite("msgpack")
struct MessagePackTests {
    static let sample = Value.map([
        ("none", .none), ("yes", .bool(true)), ("no", .bool(false)), ("small", .unsigned(7)),
        ("large", .unsigned(.max)), ("negative", .negative(-40_000)), ("real", .double(0.1)), ("text", .text("héllo")),
        ("bytes", .bytes([0, 255, 1])), ("list", .list([.unsigned(1), .text("two"), .list([])])),
        ("map", .map([("a", .unsigned(1))])),
    ])

    @Test("A value comes back as it went")
    func roundTrip() throws {
        #expect(try decode(encode(Self.sample)) == Self.sample)
    }

    @Test(
        "Known bytes of the specification",
        arguments: [
            (Value.unsigned(127), [UInt8]([0x7f])), (.unsigned(128), [0xcc, 0x80]), (.negative(-1), [0xff]),
            (.text("a"), [0xa1, 0x61]), (.bytes([9]), [0xc4, 1, 9]), (.list([.none]), [0x91, 0xc0]),
            (.map([("k", .bool(true))]), [0x81, 0xa1, 0x6b, 0xc3]),
        ])
    func knownBytes(value: Value, bytes: [UInt8]) throws {
        #expect(encode(value) == bytes)
        #expect(try decode(bytes) == value)
    }

    @Test("Every prefix of a good message is refused, none crashes")
    func truncation() throws {
        let bytes = encode(Self.sample)
        for end in 0..<bytes.count {
            #expect(throws: MessagePackError.self) { try decode(Array(bytes[..<end])) }
        }
    }

    @Test("Bad input is refused with its reason")
    func badInput() throws {
        #expect(try decode([0x91, 0x01]) == .list([.unsigned(1)]))  // the control
        #expect(throws: MessagePackError.trailingBytes(offset: 1)) { try decode([0x01, 0x01]) }
        #expect(throws: MessagePackError.truncated(offset: 5)) { try decode([0xdd, 0xff, 0xff, 0xff, 0xff]) }
        #expect(throws: MessagePackError.truncated(offset: 5)) { try decode([0xdf, 0xff, 0xff, 0xff, 0xff]) }
        #expect(throws: MessagePackError.truncated(offset: 5)) { try decode([0xc6, 0xff, 0xff, 0xff, 0xff]) }
        #expect(throws: MessagePackError.unsupportedType(offset: 0, byte: 0xc7)) { try decode([0xc7, 0, 1]) }
        #expect(throws: MessagePackError.keyIsNotText(offset: 1)) { try decode([0x81, 0x01, 0x01]) }
        #expect(throws: MessagePackError.duplicateKey("a")) { try decode([0x82, 0xa1, 0x61, 1, 0xa1, 0x61, 2]) }
        #expect(throws: MessagePackError.invalidText(offset: 0)) { try decode([0xa1, 0xff]) }
    }

    @Test("Depth, count and length are capped before anything is built")
    func caps() throws {
        let limits = Limits(bytes: 64, depth: 3, elements: 10)
        #expect(try decode([0x91, 0x91, 0x91, 0xc0], limits: limits) == .list([.list([.list([.none])])]))
        #expect(throws: MessagePackError.tooDeep(offset: 4, limit: 3)) {
            try decode([0x91, 0x91, 0x91, 0x91, 0xc0], limits: limits)
        }
        #expect(throws: MessagePackError.tooManyElements(offset: 12, limit: 10)) {
            try decode([0xdc, 0, 12] + [UInt8](repeating: 1, count: 12), limits: limits)
        }
        #expect(throws: MessagePackError.tooLong(bytes: 65, limit: 64)) {
            try decode([UInt8](repeating: 1, count: 65), limits: limits)
        }
    }

    @Test("Ten thousand seeded mutations are decoded or refused")
    func mutations() {
        var state: UInt64 = 0x9e37_79b9_7f4a_7c15
        func next() -> UInt64 {
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return state
        }
        let good = encode(Self.sample)
        var refused = 0
        for _ in 0..<10_000 {
            var bytes = good
            for _ in 0..<(1 + next() % 4) {
                bytes[Int(next() % UInt64(bytes.count))] = UInt8(truncatingIfNeeded: next())
            }
            do { _ = try decode(bytes) } catch { refused += 1 }
        }
        #expect(refused > 1000)
    }
}
