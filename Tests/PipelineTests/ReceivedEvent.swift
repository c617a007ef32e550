import Collectors
import Federation
import Foundation
import JSONText
import Monitoring

/// An event as a collector has understood it.
struct ReceivedEvent {
    /// Who told it, and as which.
    struct Mark: Hashable {
        let stage: String
        let epoch: Int
        let sequence: Int
    }

    let mark: Mark
    let name: String
    /// The level's name, or the severity that stands for it.
    let level: String
    /// Nanoseconds since 1970, or as much of them as the protocol has.
    let time: String
    /// The event's own fields and more, as a person reads them.
    let fields: [String: String]
}

/// A collector that is fed by one sink.
struct Feed {
    let name: String
    /// As the topology has it.
    let sink: String
    let start: () throws -> Void
    let kill: () -> Void
    /// What it has got so far, in the order in which it came.
    let received: () throws -> [ReceivedEvent]
    /// What it makes of an event's level, time, and of a text in it.
    var level: (EventLevel) -> String = \.rawValue
    var time: (UInt64) -> String = { "\($0)" }
    var text: (String) -> String = { $0 }
}

extension ReceivedEvent {
    /// Of an object that has cloud, stage, epoch and sequence as members; nil for others.
    static func mark(_ object: [String: JSON]) -> Mark? {
        guard let cloud = object["cloud"]?.text, let stage = object["stage"]?.text, let epoch = object["epoch"]?.whole,
            let sequence = object["sequence"]?.whole
        else { return nil }
        return Mark(stage: "\(cloud)/\(stage)", epoch: epoch, sequence: sequence)
    }

    static func shown(_ json: JSON) -> String {
        switch json {
        case .null: "nan"
        case .bool(let flag): "\(flag)"
        case .integer(let number): "\(number)"
        case .number(let number): "\(number)"
        case .string(let text): text
        case .array(let elements): elements.map(shown).joined(separator: ", ")
        case .object: "an object"
        }
    }

    static func of(_ message: SyslogCollectors.Message) throws -> ReceivedEvent {
        guard let mark = mark(message.parameters), message.process == mark.stage else {
            throw CollectorFault("not an event's message: \(message)")
        }
        return ReceivedEvent(
            mark: mark, name: message.name, level: "\(message.severity)", time: String(message.time.prefix(26)),
            fields: message.parameters.mapValues(shown))
    }

    /// An event's line.
    static func ofLine(_ line: String) throws -> ReceivedEvent {
        let members = try JSON(Array(line.utf8)).members
        guard let mark = mark(members), let time = members["time"]?.text.flatMap(Timestamp.parse) else {
            throw CollectorFault("not an event's line: \(line)")
        }
        return ReceivedEvent(
            mark: mark, name: members["event"]?.text ?? "", level: members["level"]?.text ?? "", time: "\(time)",
            fields: members.mapValues(shown))
    }

    /// An entry of the journal.
    static func ofJournal(_ entry: [String: JSON]) throws -> ReceivedEvent {
        var fields: [String: JSON] = [:]
        for (name, value) in entry where name.hasPrefix("TRIBUTARY_") {
            fields[name.dropFirst("TRIBUTARY_".count).lowercased()] = value
        }
        guard let mark = mark(fields), let time = fields["time"]?.text.flatMap(Timestamp.parse) else {
            throw CollectorFault("not an event's entry: \(entry)")
        }
        return ReceivedEvent(
            mark: mark, name: fields["event"]?.text ?? "", level: entry["PRIORITY"]?.text ?? "", time: "\(time)",
            fields: fields.mapValues(shown))
    }

    /// A line of the Forward peer.
    static func ofForward(_ line: String) throws -> ReceivedEvent {
        let entry = try JSON(Array(line.utf8)).members
        let record = entry["record"]?.members ?? [:]
        guard let mark = mark(record), let time = entry["time"]?.whole else {
            throw CollectorFault("not an event's entry: \(line)")
        }
        return ReceivedEvent(
            mark: mark, name: record["event"]?.text ?? "", level: record["level"]?.text ?? "", time: "\(time)",
            fields: record.mapValues(shown))
    }

    /// A line of the OTLP peer; nil for a span or a data point.
    static func ofOTLP(_ line: String) throws -> ReceivedEvent? {
        let record = try JSON(Array(line.utf8)).members
        guard record["signal"]?.text == "logs" else { return nil }
        let attributes = record["attributes"]?.members ?? [:]
        let resource = record["resource"]?.members ?? [:]
        let who = attributes.merging([
            "cloud": resource["tributary.cloud"] ?? .null, "stage": resource["tributary.stage"] ?? .null,
        ]) { $1 }
        guard let mark = mark(who), let time = record["time"]?.whole else {
            throw CollectorFault("not an event's record: \(line)")
        }
        return ReceivedEvent(
            mark: mark, name: record["event"]?.text ?? "", level: record["level"]?.text ?? "", time: "\(time)",
            fields: attributes.mapValues(shown))
    }
}
