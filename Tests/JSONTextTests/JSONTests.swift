import JSONText
import Testing

struct JSONTests {
    @Test("Every kind of value is read")
    func readsValues() throws {
        let text =
            #"{"a": [1, -2.5, 1e-05, true, false, null], "b": {"c": "x"}, "big": 1000000000000000019884624838656}"#
        let expected = JSON.object([
            "a": .array([.integer(1), .number(-2.5), .number(1e-05), .bool(true), .bool(false), .null]),
            "b": .object(["c": .string("x")]),
            "big": .number(1000000000000000019884624838656),
        ])
        #expect(try JSON(Array(text.utf8)) == expected)
    }

    @Test("Escapes, surrogate pairs and UTF-8 are read as the characters they stand for")
    func readsStrings() throws {
        let text = #""\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00é😀""#
        #expect(try JSON(Array(text.utf8)) == .string("\"\\/\u{08}\u{0C}\n\r\té😀é😀"))
    }

    @Test(
        "What is not JSON is refused",
        arguments: [
            "", "{", "[1,]", "{\"a\":1,}", "{\"a\" 1}", "[1 2]", "01", "1.", "-", "1e", ".5", "+1", "tru", "nul", "NaN",
            "\"a", "\"\n\"", "\"\\x\"", "\"\\u12g4\"", "\"\\ud800\"", "\"\\ud800\\u0041\"", "\"\\udc00\"", "1 2",
            "{1:2}", "1e999",
        ])
    func refuses(_ text: String) throws {
        #expect(throws: JSONError.self) { try JSON(Array(text.utf8)) }
    }

    @Test("A string of bytes that are not UTF-8 is refused")
    func refusesInvalidUTF8() throws {
        #expect(throws: Never.self) { try JSON([0x22, 0xC3, 0xA9, 0x22]) }
        #expect(throws: JSONError.self) { try JSON([0x22, 0xC3, 0x22]) }
        #expect(throws: JSONError.self) { try JSON([0x22, 0xC0, 0x80, 0x22]) }
    }

    @Test("A name that appears twice in one object is refused, with its place")
    func refusesDuplicates() throws {
        #expect(throws: Never.self) { try JSON(Array("{\"a\": 1,\n \"b\": {\"a\": 1}}".utf8)) }
        let error = #expect(throws: JSONError.self) { try JSON(Array("{\"a\": 1,\n \"a\": 1}".utf8)) }
        #expect(error?.description.contains("line 2") == true)
        #expect(error?.description.contains("\"a\" appears twice") == true)
    }

    @Test("Nesting is bounded, so a hostile text cannot exhaust the stack")
    func boundsDepth() throws {
        func nested(_ depth: Int) -> [UInt8] {
            [UInt8](repeating: UInt8(ascii: "["), count: depth) + [UInt8](repeating: UInt8(ascii: "]"), count: depth)
        }
        #expect(throws: Never.self) { try JSON(nested(JSON.maximumDepth)) }
        #expect(throws: JSONError.self) { try JSON(nested(JSON.maximumDepth + 2)) }
        #expect(throws: JSONError.self) { try JSON([UInt8](repeating: UInt8(ascii: "["), count: 1_000_000)) }
    }

    @Test("Output is canonical and reads back as the same value")
    func writesCanonically() throws {
        let value = JSON.object([
            "b": .array([.integer(1), .number(0.1), .number(1e-05), .null]), "a": .string("\u{1}\"\\\n/é"),
            "empty": .object([:]),
        ])
        let compact = try value.encoded(.compact)
        #expect(
            String(decoding: compact, as: UTF8.self)
                == #"{"a":"\u0001\"\\\n/é","b":[1,0.1,1e-05,null],"empty":{}}"#)
        #expect(try JSON(compact) == value)
        let readable = try value.encoded()
        #expect(String(decoding: readable, as: UTF8.self).hasSuffix("  \"empty\": {}\n}\n"))
        #expect(try JSON(readable) == value)
    }

    @Test("A number that is not finite is not written")
    func refusesInfinity() throws {
        #expect(throws: Never.self) { try JSON.array([.number(1)]).encoded() }
        #expect(throws: JSONError.self) { try JSON.array([.number(.infinity)]).encoded() }
    }

    @Test("A refused field is named by its path")
    func namesPath() throws {
        let field = JSONField(try JSON(Array(#"{"a": [{"b": "x"}]}"#.utf8)))
        let entry = try field.member("a").elements(atMost: 4)[0].member("b")
        #expect(try entry.string() == "x")
        let error = #expect(throws: JSONError.self) { try entry.integer(in: 0...1) }
        #expect(error?.description == "JSON, a[0].b: expected a whole number, found a string")
    }
}
