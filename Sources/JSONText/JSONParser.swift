/// Recursive descent over the grammar of RFC 8259. Array subscripts keep every access in bounds.
struct JSONParser {
    private let bytes: [UInt8]
    private var position = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    mutating func text() throws(JSONError) -> JSON {
        let value = try value(depth: 0)
        skipSpace()
        guard position == bytes.count else { throw error("expected the end of the text after the value") }
        return value
    }

    private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func skipSpace() {
        while let byte = next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { position += 1 }
    }

    private func error(_ reason: String) -> JSONError {
        let before = bytes[..<min(position, bytes.count)]
        let line = before.reduce(into: 1) { line, byte in line += byte == 0x0A ? 1 : 0 }
        let start = before.lastIndex(of: 0x0A).map { $0 + 1 } ?? 0
        return JSONError(.text(line: line, column: position - start + 1), reason)
    }

    private mutating func value(depth: Int) throws(JSONError) -> JSON {
        guard depth <= JSON.maximumDepth else { throw error("nested deeper than \(JSON.maximumDepth) levels") }
        skipSpace()
        switch next {
        case UInt8(ascii: "{"): return try object(depth: depth)
        case UInt8(ascii: "["): return try array(depth: depth)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        case .some(UInt8(ascii: "-")), .some(UInt8(ascii: "0")...UInt8(ascii: "9")): return try number()
        case nil: throw error("the text ends where a value is expected")
        default: throw error("expected a value")
        }
    }

    private mutating func word(_ word: String, _ value: JSON) throws(JSONError) -> JSON {
        guard bytes[position...].starts(with: word.utf8) else { throw error("expected \(word)") }
        position += word.utf8.count
        return value
    }

    private mutating func object(depth: Int) throws(JSONError) -> JSON {
        var members: [String: JSON] = [:]
        position += 1
        skipSpace()
        if next == UInt8(ascii: "}") {
            position += 1
            return .object(members)
        }
        while true {
            skipSpace()
            guard next == UInt8(ascii: "\"") else { throw error("expected a name in double quotes") }
            let name = try string()
            guard members[name] == nil else { throw error("the name \"\(name.prefix(80))\" appears twice") }
            skipSpace()
            guard next == UInt8(ascii: ":") else { throw error("expected a colon after the name") }
            position += 1
            members[name] = try value(depth: depth + 1)
            if try endsList(with: UInt8(ascii: "}"), "expected a comma or a closing brace") { return .object(members) }
        }
    }

    private mutating func array(depth: Int) throws(JSONError) -> JSON {
        var elements: [JSON] = []
        position += 1
        skipSpace()
        if next == UInt8(ascii: "]") {
            position += 1
            return .array(elements)
        }
        while true {
            elements.append(try value(depth: depth + 1))
            if try endsList(with: UInt8(ascii: "]"), "expected a comma or a closing bracket") {
                return .array(elements)
            }
        }
    }

    private mutating func endsList(with end: UInt8, _ expectation: String) throws(JSONError) -> Bool {
        skipSpace()
        guard let byte = next, byte == end || byte == UInt8(ascii: ",") else { throw error(expectation) }
        position += 1
        return byte == end
    }

    private mutating func number() throws(JSONError) -> JSON {
        let start = position
        var isWhole = true
        if next == UInt8(ascii: "-") { position += 1 }
        let whole = try digits()
        if whole.count > 1, bytes[whole.lowerBound] == UInt8(ascii: "0") {
            throw error("a number must not begin with 0")
        }
        if next == UInt8(ascii: ".") {
            isWhole = false
            position += 1
            _ = try digits()
        }
        if next == UInt8(ascii: "e") || next == UInt8(ascii: "E") {
            isWhole = false
            position += 1
            if next == UInt8(ascii: "+") || next == UInt8(ascii: "-") { position += 1 }
            _ = try digits()
        }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        if isWhole, let value = Int(text) { return .integer(value) }
        guard let value = Double(text), value.isFinite else { throw error("the number is out of range") }
        return .number(value)
    }

    private mutating func digits() throws(JSONError) -> Range<Int> {
        let start = position
        while let byte = next, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { position += 1 }
        guard position > start else { throw error("expected a digit") }
        return start..<position
    }

    private mutating func string() throws(JSONError) -> String {
        position += 1
        var unescaped: [UInt8] = []
        var start = position
        while let byte = next {
            switch byte {
            case UInt8(ascii: "\""):
                unescaped.append(contentsOf: bytes[start..<position])
                guard let text = String(validating: unescaped, as: UTF8.self) else {
                    throw error("the string is not valid UTF-8")
                }
                position += 1
                return text
            case UInt8(ascii: "\\"):
                unescaped.append(contentsOf: bytes[start..<position])
                position += 1
                unescaped.append(contentsOf: try escape())
                start = position
            case 0..<0x20: throw error("a control character inside a string must be escaped")
            default: position += 1
            }
        }
        throw error("the string has no closing quote")
    }

    private mutating func escape() throws(JSONError) -> [UInt8] {
        guard let byte = next else { throw error("the text ends inside an escape") }
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return [byte]
        case UInt8(ascii: "b"): return [0x08]
        case UInt8(ascii: "f"): return [0x0C]
        case UInt8(ascii: "n"): return [0x0A]
        case UInt8(ascii: "r"): return [0x0D]
        case UInt8(ascii: "t"): return [0x09]
        case UInt8(ascii: "u"):
            let first = try hexadecimal()
            guard (0xD800..<0xE000).contains(first) else { return try utf8(first) }
            // RFC 8259, section 7: beyond the basic plane a character is written as a surrogate pair.
            guard first < 0xDC00, bytes[position...].starts(with: "\\u".utf8) else { throw error("a lone surrogate") }
            position += 2
            let second = try hexadecimal()
            guard (0xDC00..<0xE000).contains(second) else { throw error("a lone surrogate") }
            return try utf8(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
        default: throw error("an unknown escape")
        }
    }

    private mutating func hexadecimal() throws(JSONError) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard let byte = next, let digit = Character(Unicode.Scalar(byte)).hexDigitValue, byte < 0x80 else {
                throw error("expected four hexadecimal digits")
            }
            value = value << 4 | UInt32(digit)
            position += 1
        }
        return value
    }

    private func utf8(_ value: UInt32) throws(JSONError) -> [UInt8] {
        guard let scalar = Unicode.Scalar(value) else { throw error("not a character") }
        return Array(String(Character(scalar)).utf8)
    }
}
