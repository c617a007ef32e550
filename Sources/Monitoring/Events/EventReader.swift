internal import Federation
internal import JSONText

/// Reads many events' lines. One that is as `EventLine.bytes` writes it, about fields that the catalogue has, is read byte by byte, and
/// what a stage's lines have in common (run, stage, trace, the kinds of events) is made once; every other line is left to the JSON
/// reader, which reads or refuses it.
package struct EventReader: Sendable {
    private var run: (bytes: [UInt8], name: RunName)?
    private var stage: (bytes: [UInt8], name: StageName)?
    /// The newest first: rounds follow on one another, and some events belong to none.
    private var traces: [(bytes: [UInt8], trace: TraceContext)] = []

    package init() {}

    /// - Parameter line: without its end.
    package mutating func event(_ line: ArraySlice<UInt8>) throws(EventLine.Fault) -> Event {
        if line.count <= EventLine.maximumBytes, let event = written(line.span) { return event }
        return try EventLine.event(line)
    }

    // MARK: Lines as they are written

    /// What stands before each part of the envelope.
    private enum Before {
        static let time = Array(#"{"time":""#.utf8)
        static let level = Array(#"","level":""#.utf8)
        static let event = Array(#"","event":""#.utf8)
        static let run = Array(#"","version":\#(Event.version),"run":""#.utf8)
        static let cloud = Array(#"","cloud":""#.utf8)
        static let stage = Array(#"","stage":""#.utf8)
        static let epoch = Array(#"","epoch":"#.utf8)
        static let sequence = Array(#","sequence":"#.utf8)
        static let round = Array(#","round":"#.utf8)
        static let trace = Array(#","trace":""#.utf8)
    }

    private mutating func written(_ bytes: Span<UInt8>) -> Event? {
        var scanner = LineScanner()
        guard let timeText = scanner.text(after: Before.time, in: bytes),
            let levelText = scanner.text(after: Before.level, in: bytes),
            let nameText = scanner.text(after: Before.event, in: bytes),
            let runText = scanner.text(after: Before.run, in: bytes),
            let cloudText = scanner.text(after: Before.cloud, in: bytes),
            let stageText = scanner.text(after: Before.stage, in: bytes),
            let epoch = scanner.count(after: Before.epoch, in: bytes),
            let sequence = scanner.count(after: Before.sequence, in: bytes),
            let number = scanner.count(after: Before.round, in: bytes), let round = UInt32(exactly: number),
            let traceText = scanner.text(after: Before.trace, in: bytes),
            scanner.skip(UInt8(ascii: "\""), in: bytes)
        else { return nil }
        guard let time = Timestamp.parse(bytes.extracting(timeText)),
            let level = EventLevel(bytes.extracting(levelText)),
            let kind = KnownKind.named(bytes.extracting(nameText)),
            let run = runName(bytes.extracting(runText)),
            let stage = stageName(bytes, cloudText, stageText),
            let trace = traceContext(bytes.extracting(traceText)),
            let fields = Self.fields(of: kind, in: bytes, &scanner)
        else { return nil }
        return Event(
            time: time, level: level, name: kind.kind.name, run: run, stage: stage, epoch: epoch, sequence: sequence,
            round: RoundNumber(round), trace: trace, fields: fields)
    }

    /// What follows the envelope, to the line's end.
    private static func fields(of kind: KnownKind, in bytes: Span<UInt8>, _ scanner: inout LineScanner) -> EventFields?
    {
        var pairs: [(field: EventField, value: EventValue)] = []
        pairs.reserveCapacity(kind.names.count)
        var seen: UInt64 = 0
        var next = 0
        while scanner.skip(UInt8(ascii: ","), in: bytes) {
            guard scanner.skip(UInt8(ascii: "\""), in: bytes), let name = scanner.text(in: bytes),
                let index = kind.index(of: bytes.extracting(name), from: next), seen & (1 << UInt64(index)) == 0,
                scanner.skip(UInt8(ascii: "\""), in: bytes), scanner.skip(UInt8(ascii: ":"), in: bytes),
                let value = scanner.value(in: bytes)
            else { return nil }
            pairs.append((kind.kind.fields[index], value))
            seen |= 1 << UInt64(index)
            next = index + 1
        }
        guard scanner.skip(UInt8(ascii: "}"), in: bytes), scanner.isAtEnd(of: bytes) else { return nil }
        return EventFields(pairs)
    }

    // MARK: What many lines have in common

    private mutating func runName(_ bytes: Span<UInt8>) -> RunName? {
        if let run, bytes.isEqual(to: run.bytes) { return run.name }
        guard let text = bytes.text else { return nil }
        do {
            let name = try RunName(text)
            run = (Array(text.utf8), name)
            return name
        } catch { return nil }
    }

    private mutating func stageName(_ bytes: Span<UInt8>, _ cloud: Range<Int>, _ kind: Range<Int>) -> StageName? {
        if let stage, stage.bytes.count == cloud.count + 1 + kind.count,
            bytes.extracting(cloud).isEqual(to: stage.bytes[..<cloud.count]),
            bytes.extracting(kind).isEqual(to: stage.bytes[(cloud.count + 1)...])
        {
            return stage.name
        }
        guard let first = bytes.extracting(cloud).text, let second = bytes.extracting(kind).text else { return nil }
        do {
            let name = try StageName("\(first)/\(second)")
            stage = (Array("\(first)/\(second)".utf8), name)
            return name
        } catch { return nil }
    }

    private mutating func traceContext(_ bytes: Span<UInt8>) -> TraceContext? {
        for known in traces where bytes.isEqual(to: known.bytes) { return known.trace }
        guard let text = bytes.text, let trace = TraceContext(text) else { return nil }
        if traces.count == 4 { traces.removeLast() }
        traces.insert((Array(text.utf8), trace), at: 0)
        return trace
    }
}

/// A kind of event whose lines are read fast: at most 64 fields, as a word's bits say which have been seen.
private struct KnownKind: Sendable {
    let kind: EventKind
    let name: [UInt8]
    /// Of its fields.
    let names: [[UInt8]]

    private static let all: [UInt64: KnownKind] = Dictionary(
        Catalogue.kinds.filter { $0.fields.count <= 64 }.map { kind in
            let name = Array(kind.name.utf8)
            return (
                name.span.hash, KnownKind(kind: kind, name: name, names: kind.fields.map { Array($0.name.utf8) })
            )
        }, uniquingKeysWith: { first, _ in first })

    static func named(_ bytes: Span<UInt8>) -> KnownKind? {
        guard let known = all[bytes.hash], bytes.isEqual(to: known.name) else { return nil }
        return known
    }

    /// The field of this name; looked for at `next` first, as fields are mostly told in their order.
    func index(of name: Span<UInt8>, from next: Int) -> Int? {
        for step in 0..<names.count {
            let index = (next + step) % names.count
            if name.isEqual(to: names[index]) { return index }
        }
        return nil
    }
}

/// A place in a line; whatever is not as `EventLine.bytes` writes it is answered with false or nil.
private struct LineScanner {
    private static let (`true`, `false`, null) = (Array("true".utf8), Array("false".utf8), Array("null".utf8))
    private var position = 0

    func isAtEnd(of bytes: Span<UInt8>) -> Bool { position == bytes.count }

    mutating func skip(_ byte: UInt8, in bytes: Span<UInt8>) -> Bool {
        guard position < bytes.count, bytes[position] == byte else { return false }
        position += 1
        return true
    }

    mutating func skip(_ expected: [UInt8], in bytes: Span<UInt8>) -> Bool {
        guard bytes.count - position >= expected.count else { return false }
        for index in expected.indices where bytes[position + index] != expected[index] { return false }
        position += expected.count
        return true
    }

    mutating func text(after opening: [UInt8], in bytes: Span<UInt8>) -> Range<Int>? {
        skip(opening, in: bytes) ? text(in: bytes) : nil
    }

    mutating func count(after opening: [UInt8], in bytes: Span<UInt8>) -> UInt64? {
        skip(opening, in: bytes) ? count(in: bytes) : nil
    }

    /// Printable ASCII up to a quote, which is left: without escapes, so the bytes are the text.
    mutating func text(in bytes: Span<UInt8>) -> Range<Int>? {
        let start = position
        while position < bytes.count {
            let byte = bytes[position]
            if byte == UInt8(ascii: "\"") { return start..<position }
            guard byte >= 0x20, byte < 0x7f, byte != UInt8(ascii: "\\") else { return nil }
            position += 1
        }
        return nil
    }

    /// A whole number of at most 18 digits, as it is written.
    mutating func count(in bytes: Span<UInt8>) -> UInt64? {
        let start = position
        var number: UInt64 = 0
        while position < bytes.count, case let digit = bytes[position] &- UInt8(ascii: "0"), digit < 10 {
            number = number &* 10 &+ UInt64(digit)
            position += 1
            guard position - start <= 18 else { return nil }
        }
        guard position > start, bytes[start] != UInt8(ascii: "0") || position == start + 1 else { return nil }
        return number
    }

    mutating func value(in bytes: Span<UInt8>, isInList: Bool = false) -> EventValue? {
        guard position < bytes.count else { return nil }
        switch bytes[position] {
        case UInt8(ascii: "\""): return string(in: bytes).map { .text($0) }
        case UInt8(ascii: "t"): return skip(Self.true, in: bytes) ? .flag(true) : nil
        case UInt8(ascii: "f"): return skip(Self.false, in: bytes) ? .flag(false) : nil
        case UInt8(ascii: "n"): return skip(Self.null, in: bytes) ? .real(.nan) : nil
        case UInt8(ascii: "["):
            guard !isInList else { return nil }
            position += 1
            var values: [EventValue] = []
            if skip(UInt8(ascii: "]"), in: bytes) { return .list(values) }
            repeat {
                guard let value = value(in: bytes, isInList: true) else { return nil }
                values.append(value)
            } while skip(UInt8(ascii: ","), in: bytes)
            return skip(UInt8(ascii: "]"), in: bytes) ? .list(values) : nil
        default: return number(in: bytes)
        }
    }

    private mutating func string(in bytes: Span<UInt8>) -> String? {
        let start = position
        position += 1
        if let plain = text(in: bytes) {
            position += 1
            return bytes.extracting(plain).text
        }
        // With escapes, or more than ASCII: to its end, and read by the rules.
        position = start + 1
        while position < bytes.count, bytes[position] != UInt8(ascii: "\"") {
            position += bytes[position] == UInt8(ascii: "\\") ? 2 : 1
        }
        guard skip(UInt8(ascii: "\""), in: bytes) else { return nil }
        do {
            guard case .string(let text) = try JSON(bytes.extracting(start..<position).array) else { return nil }
            return text
        } catch { return nil }
    }

    /// Powers of ten that a `Double` holds exactly.
    private static let powers: [Double] = (0...22).map { exponent in
        (0..<exponent).reduce(1.0) { power, _ in power * 10 }
    }

    private mutating func number(in bytes: Span<UInt8>) -> EventValue? {
        let start = position
        let isNegative = skip(UInt8(ascii: "-"), in: bytes)
        if let whole = count(in: bytes) {
            guard position < bytes.count, Self.goesOn(bytes[position]) else {
                return .number(isNegative ? -Int(whole) : Int(whole))
            }
            // A mantissa below 2^53 and an exact power of ten: their quotient is rounded once, as reading it would be (Clinger,
            // "How to read floating point numbers accurately", 1990).
            let point = position
            if skip(UInt8(ascii: "."), in: bytes), let value = fraction(after: whole, in: bytes),
                position == bytes.count || !Self.goesOn(bytes[position])
            {
                return .real(isNegative ? -value : value)
            }
            position = point
        }
        while position < bytes.count, Self.goesOn(bytes[position]) { position += 1 }
        do {
            switch try JSON(bytes.extracting(start..<position).array) {
            case .integer(let number): return .number(number)
            case .number(let number): return .real(number)
            default: return nil
            }
        } catch { return nil }
    }

    private static func goesOn(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E"),
            UInt8(ascii: "+"), UInt8(ascii: "-"):
            true
        default: false
        }
    }

    private mutating func fraction(after whole: UInt64, in bytes: Span<UInt8>) -> Double? {
        let start = position
        var mantissa = whole
        while position < bytes.count, case let digit = bytes[position] &- UInt8(ascii: "0"), digit < 10 {
            guard mantissa < (1 << 53) / 10 else { return nil }
            mantissa = mantissa * 10 + UInt64(digit)
            position += 1
        }
        guard position > start, position - start < Self.powers.count else { return nil }
        return Double(mantissa) / Self.powers[position - start]
    }
}

extension Span<UInt8> {
    fileprivate func isEqual(to other: [UInt8]) -> Bool {
        guard count == other.count else { return false }
        for index in 0..<count where self[index] != other[index] { return false }
        return true
    }

    fileprivate func isEqual(to other: ArraySlice<UInt8>) -> Bool {
        guard count == other.count else { return false }
        for index in 0..<count where self[index] != other[other.startIndex + index] { return false }
        return true
    }

    /// FNV-1a of 64 bits.
    fileprivate var hash: UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for index in 0..<count { hash = (hash ^ UInt64(self[index])) &* 0x100_0000_01b3 }
        return hash
    }

    fileprivate var text: String? {
        do { return String(copying: try UTF8Span(validating: self)) } catch { return nil }
    }

    fileprivate var array: [UInt8] { withUnsafeBufferPointer(Array.init) }
}

extension EventLevel {
    private static let spelled = allCases.map { (level: $0, name: Array($0.rawValue.utf8)) }

    fileprivate init?(_ name: Span<UInt8>) {
        for (level, spelling) in Self.spelled where name.isEqual(to: spelling) {
            self = level
            return
        }
        return nil
    }
}
