internal import FoundationEssentials

/// One line that a stage logged: JSON, or whatever a crash printed.
struct LogLine {
    let raw: String
    private let fields: [String: JSONValue]?

    init(_ raw: String) {
        self.raw = raw
        do { fields = try JSONDecoder().decode([String: JSONValue].self, from: Data(raw.utf8)) } catch {
            fields = nil  // not JSON: shown as it is
        }
    }

    /// A field that is a text, a number or a flag, as it is written.
    subscript(name: String) -> String? {
        guard case .scalar(let text)? = fields?[name] else { return nil }
        return text
    }

    func number(_ name: String) -> Double? { self[name].flatMap(Double.init) }

    func list(_ name: String) -> [String] {
        guard case .list(let values)? = fields?[name] else { return [] }
        return values.map(\.text)
    }

    /// RFC 3339 in UTC, so that it sorts as text.
    var time: String? { fields?["time"]?.text }

    /// What every event has, and nobody reads twice: `--format json` shows it.
    private static let envelope: Set = [
        "time", "level", "event", "version", "run", "cloud", "stage", "epoch", "sequence", "round", "trace",
    ]

    /// Digests by their first digits, as fingerprints are read out.
    private static func short(_ text: String) -> String {
        text.utf8.count == 64 && text.allSatisfy(\.isHexDigit) ? "\(text.prefix(8))…" : text
    }

    /// `12:31:07.123 info    north/encrypt        sent chunk=3 of=9`
    func pretty(_ terminal: Terminal) -> String {
        guard let fields, let time, let event = fields["event"]?.text else { return Terminal.printable(raw) }
        let clock = time.split(separator: "T").last.map { String($0.prefix(12)) } ?? time
        let level = fields["level"]?.text ?? ""
        let stage = [fields["cloud"]?.text, fields["stage"]?.text].compactMap { $0 }.joined(separator: "/")
        let round = fields["round"].map { "round=\($0.text) " } ?? ""
        let rest =
            round
            + fields.filter { !Self.envelope.contains($0.key) }.sorted { $0.key < $1.key }
            .map { "\($0.key)=\(Self.short($0.value.text))" }.joined(separator: " ")
        let colour: Terminal.Colour = level == "error" ? .red : level == "warning" ? .yellow : .grey
        return terminal.paint(Terminal.printable(clock), .grey) + " "
            + terminal.paint(Terminal.padded(Terminal.printable(level), 7), colour) + " "
            + terminal.paint(Terminal.padded(Terminal.printable(stage), 22), .blue) + " "
            + Terminal.printable(event) + (rest.isEmpty ? "" : " " + Terminal.printable(rest))
    }
}

/// Any JSON value, to print.
private enum JSONValue: Decodable {
    case scalar(String)
    case list([JSONValue])
    case object([String: JSONValue])

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let text = try container.reads(String.self) {
            self = .scalar(text)
        } else if let flag = try container.reads(Bool.self) {
            self = .scalar("\(flag)")
        } else if let number = try container.reads(Double.self) {
            // As a whole number only where it is one: the decoder's error for others is none that can be told apart.
            let isWhole = number.rounded() == number && abs(number) < 0x1p53
            self = .scalar(isWhole ? "\(Int(number))" : "\(number)")
        } else if let list = try container.reads([JSONValue].self) {
            self = .list(list)
        } else if let object = try container.reads([String: JSONValue].self) {
            self = .object(object)
        } else {
            self = .scalar("null")
        }
    }

    var text: String {
        switch self {
        case .scalar(let text): text
        case .list(let values): "[" + values.map(\.text).joined(separator: ",") + "]"
        case .object(let pairs):
            "{" + pairs.sorted { $0.key < $1.key }.map { "\($0.key):\($0.value.text)" }.joined(separator: ",") + "}"
        }
    }
}

extension SingleValueDecodingContainer {
    /// Nil where the value is of another type.
    fileprivate func reads<Value: Decodable>(_ type: Value.Type) throws -> Value? {
        do { return try decode(type) } catch is DecodingError { return nil }
    }
}
