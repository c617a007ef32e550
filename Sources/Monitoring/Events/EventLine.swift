internal import Federation
internal import JSONText

/// An event as the line that is logged, kept and followed: one JSON object (RFC 8259), its envelope first.
package enum EventLine {
    /// Longer lines are none of ours.
    package static let maximumBytes = 64 << 10
    /// What a text in an event is cut to: a reason that quotes a peer must not fill the log.
    package static let maximumText = 4096

    /// With its newline.
    package static func bytes(_ event: Event) -> [UInt8] {
        var line: [UInt8] = []
        line.reserveCapacity(512)
        line += #"{"time":""#.utf8
        Timestamp.append(event.time, to: &line)
        line += #"","level":""#.utf8
        line += event.level.rawValue.utf8
        line += #"","event":""#.utf8
        line += event.name.utf8
        line += #"","version":1,"run":""#.utf8
        line += event.run.description.utf8
        line += #"","cloud":""#.utf8
        line += event.stage.cloud.description.utf8
        line += #"","stage":""#.utf8
        line += event.stage.role.description.utf8
        line += #"","epoch":"#.utf8
        line.append(decimal: event.epoch)
        line += #","sequence":"#.utf8
        line.append(decimal: event.sequence)
        line += #","round":"#.utf8
        line.append(decimal: UInt64(event.round.value))
        line += #","trace":""#.utf8
        line += event.trace.description.utf8
        line.append(quote)
        for (field, value) in event.fields.pairs {
            line.append(comma)
            append(quoted: field.name, to: &line)
            line.append(UInt8(ascii: ":"))
            append(value, to: &line)
        }
        line.append(UInt8(ascii: "}"))
        line.append(UInt8(ascii: "\n"))
        return line
    }

    private static let quote = UInt8(ascii: "\"")
    private static let comma = UInt8(ascii: ",")

    private static func append(_ value: EventValue, to line: inout [UInt8]) {
        switch value {
        case .text(let text): append(quoted: text, to: &line)
        case .number(let number): line.append(decimal: number)
        case .real(let number): line += (number.isFinite ? "\(number)" : "null").utf8
        case .flag(let flag): line += (flag ? "true" : "false").utf8
        case .list(let values):
            line.append(UInt8(ascii: "["))
            for (index, value) in values.enumerated() {
                if index > 0 { line.append(comma) }
                append(value, to: &line)
            }
            line.append(UInt8(ascii: "]"))
        }
    }

    /// A JSON string (RFC 8259, section 7). C1 controls too are escaped: some terminals obey them.
    private static func append(quoted text: String, to line: inout [UInt8]) {
        line.append(quote)
        let start = line.count
        var needsMore = false
        for byte in text.utf8.prefix(maximumText) {
            if byte < 0x20 || byte == quote || byte == UInt8(ascii: "\\") || byte >= 0x7f {
                needsMore = true
                break
            }
            line.append(byte)
        }
        if needsMore {
            line.removeSubrange(start...)
            appendEscaped(text, to: &line)
        } else if text.utf8.count > maximumText {
            line += "...".utf8
        }
        line.append(quote)
    }

    private static func appendEscaped(_ text: String, to line: inout [UInt8]) {
        let start = line.count
        for scalar in text.unicodeScalars {
            guard line.count - start < maximumText else {
                line += "...".utf8
                return
            }
            switch scalar {
            case "\"": line += #"\""#.utf8
            case "\\": line += #"\\"#.utf8
            case "\n": line += #"\n"#.utf8
            case "\r": line += #"\r"#.utf8
            case "\t": line += #"\t"#.utf8
            case "\u{0}"..<"\u{20}", "\u{7f}"..<"\u{a0}":
                let digits = String(scalar.value, radix: 16)
                line += (#"\u"# + String(repeating: "0", count: 4 - digits.count) + digits).utf8
            default: line += UTF8.encode(scalar).map(Array.init) ?? []
            }
        }
    }

    /// Why a line is no event.
    package struct Fault: Error, Equatable, CustomStringConvertible {
        package let description: String
    }

    /// Reads a line that `bytes` wrote; its newline may be gone. Fields that the catalogue does not know keep their names, and come
    /// by them. `EventReader` reads many lines in less time.
    package static func event(_ line: some Collection<UInt8>) throws(Fault) -> Event {
        guard line.count <= maximumBytes else { throw Fault(description: "a line of \(line.count) bytes") }
        let members: [String: JSON]
        do {
            guard case .object(let object) = try JSON(line) else { throw Fault(description: "no JSON object") }
            members = object
        } catch let fault as Fault { throw fault } catch { throw Fault(description: "\(error)") }
        var object = EventObject(members)
        return try object.event()
    }
}

/// Takes an event's envelope out of a JSON object; what is left are its fields.
private struct EventObject {
    private var members: [String: JSON]

    init(_ members: [String: JSON]) { self.members = members }

    mutating func event() throws(EventLine.Fault) -> Event {
        guard case .integer(Event.version)? = members.removeValue(forKey: "version") else {
            throw EventLine.Fault(description: "no event of version \(Event.version)")
        }
        let timeText = try text("time")
        guard let time = Timestamp.parse(timeText) else { throw refused("time", timeText) }
        let levelText = try text("level")
        guard let level = EventLevel(rawValue: levelText) else { throw refused("level", levelText) }
        let name = try text("event")
        guard Self.isName(name) else { throw refused("event", name) }
        let traceText = try text("trace")
        guard let trace = TraceContext(traceText) else { throw refused("trace", traceText) }
        let run: RunName
        let stage: StageName
        do {
            run = try RunName(try text("run"))
            stage = try StageName("\(try text("cloud"))/\(try text("stage"))")
        } catch let fault as EventLine.Fault { throw fault } catch { throw EventLine.Fault(description: "\(error)") }
        let (epoch, sequence, round) = (try number("epoch"), try number("sequence"), try number("round"))
        guard let round = UInt32(exactly: round) else { throw refused("round", "\(round)") }
        let kind = Catalogue.kind(name)
        var fields: [(field: EventField, value: EventValue)] = []
        for (name, value) in members.sorted(by: { $0.key < $1.key }) {
            let value = try self.value(value, name)
            let known = kind?.fields.first { $0.name == name }
            fields.append((known ?? EventField(name, Self.kind(of: value), ""), value))
        }
        return Event(
            time: time, level: level, name: name, run: run, stage: stage, epoch: epoch, sequence: sequence,
            round: RoundNumber(round), trace: trace, fields: EventFields(fields))
    }

    /// Names are written as they are, without escapes.
    private static func isName(_ name: String) -> Bool {
        (1...64).contains(name.utf8.count)
            && name.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "."):
                    true
                default: false
                }
            }
    }

    private func refused(_ name: String, _ found: String) -> EventLine.Fault {
        EventLine.Fault(description: "\(name): found \"\(found.prefix(80))\"")
    }

    private mutating func text(_ name: String) throws(EventLine.Fault) -> String {
        guard case .string(let text)? = members.removeValue(forKey: name) else {
            throw EventLine.Fault(description: "\(name) is missing, or is no text")
        }
        return text
    }

    private mutating func number(_ name: String) throws(EventLine.Fault) -> UInt64 {
        guard case .integer(let number)? = members.removeValue(forKey: name), number >= 0 else {
            throw EventLine.Fault(description: "\(name) is missing, or is no count")
        }
        return UInt64(number)
    }

    private func value(_ json: JSON, _ name: String) throws(EventLine.Fault) -> EventValue {
        switch json {
        case .null: return .real(.nan)
        case .bool(let flag): return .flag(flag)
        case .integer(let number): return .number(number)
        case .number(let number): return .real(number)
        case .string(let text): return .text(text)
        case .array(let values):
            var list: [EventValue] = []
            for element in values { list.append(try self.value(element, name)) }
            return .list(list)
        case .object: throw EventLine.Fault(description: "\(name) is an object")
        }
    }

    private static func kind(of value: EventValue) -> EventField.Kind {
        switch value {
        case .text: .text
        case .number: .number
        case .real: .real
        case .flag: .flag
        case .list: .list
        }
    }
}
