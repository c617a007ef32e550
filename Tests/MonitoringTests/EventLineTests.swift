import Federation
import Foundation
import JSONText
import Monitoring
import Sodium
import Synchronization
import Testing

/// What a log has written.
final class Lines: Sendable {
    private let lines = Mutex<[[UInt8]]>([])

    var all: [[UInt8]] { lines.withLock { $0 } }
    var write: @Sendable ([UInt8]) -> Void { { line in self.lines.withLock { $0.append(line) } } }

    func events() throws -> [Event] { try all.map { try EventLine.event($0.dropLast()) } }
}

extension EventLog {
    static func ofEncrypt(
        _ level: EventLevel = .debug, write: @escaping @Sendable ([UInt8]) -> Void
    ) throws -> EventLog {
        EventLog(stage: try StageName("north/encrypt"), run: try RunName("demo"), level: level, write: write)
    }
}

@Suite("Lines of events")
struct EventLineTests {
    @Test("An event is read back as it was told, with who, when, which epoch, sequence, round and trace")
    func roundTrip() throws {
        let lines = Lines()
        let log = try EventLog.ofEncrypt(write: lines.write)
        log.begin(epoch: 7)
        log.enter(RoundNumber(3), opening: Digest(of: [1]))
        log.tell(.shareMade, round: RoundNumber(3), [.cohort: .list([.text("a"), .text("b")]), .bytes: .number(12)])
        log.tell(.stageReady)
        let events = try lines.events()
        #expect(events.map(\.sequence) == [1, 2] && events.allSatisfy { $0.epoch == 7 })
        #expect(events.map(\.round) == [RoundNumber(3), RoundNumber(3)])
        #expect(
            events[0].fields[.cohort] == .list([.text("a"), .text("b")]) && events[0].fields[.bytes] == .number(12))
        #expect(events[0].trace == TraceContext(opening: Digest(of: [1]), stage: log.stage))
        #expect(events.allSatisfy { Catalogue.faults(of: $0).isEmpty })
        let again = try EventLine.event(EventLine.bytes(events[0]).dropLast())
        #expect(again == events[0])
    }

    @Test(
        "A text of any characters is valid JSON, and comes back the same",
        arguments: [
            "plain", "quote \" backslash \\ newline \n tab \t", "\u{1b}[31mred\u{9b}0m\u{0}", "ümlaut 漢字 🙂", "",
        ])
    func anyText(_ text: String) throws {
        let lines = Lines()
        let log = try EventLog.ofEncrypt(write: lines.write)
        log.tell(.stageFailed, [.reason: .text(text)])
        let line = try #require(lines.all.first)
        #expect(line.allSatisfy { $0 >= 0x20 || $0 == UInt8(ascii: "\n") } && line.filter { $0 == 10 }.count == 1)
        #expect(!String(decoding: line, as: UTF8.self).unicodeScalars.contains { ("\u{7f}"..<"\u{a0}").contains($0) })
        #expect(try lines.events()[0].fields[.reason] == .text(text))
    }

    @Test("A text that is too long is cut, and the line stays an event", arguments: ["x", "ü", "\""])
    func longText(_ piece: String) throws {
        let lines = Lines()
        let log = try EventLog.ofEncrypt(write: lines.write)
        log.tell(.stageFailed, [.reason: .text(String(repeating: piece, count: 100_000))])
        let line = try #require(lines.all.first)
        #expect(line.count < 2 * EventLine.maximumText)
        #expect(try lines.events()[0].fields[.reason]?.shown.hasSuffix("...") == true)
    }

    @Test(
        "What is no event is refused with the reason",
        arguments: [
            ("{}", "version"), ("[1]", "no JSON object"), ("{\"version\":2}", "version"), ("not json", "JSON"),
        ])
    func refusesOthers(_ text: String, _ reason: String) throws {
        #expect {
            try EventLine.event(Array(text.utf8))
        } throws: { "\($0)".contains(reason) }
    }

    @Test(
        "A field of the envelope that is spoiled is refused by its name",
        arguments: [
            ("\"level\":\"info\"", "\"level\":\"loud\"", "level"),
            ("\"stage\":\"encrypt\"", "\"stage\":\"x\"", "stage"),
            ("\"epoch\":0", "\"epoch\":-1", "epoch"), ("\"trace\":\"00", "\"trace\":\"zz", "trace"),
            ("\"time\":\"2", "\"time\":\"x", "time"), ("\"round\":0", "\"round\":99999999999", "round"),
        ])
    func refusesSpoiled(_ old: String, _ new: String, _ name: String) throws {
        let lines = Lines()
        try EventLog.ofEncrypt(write: lines.write).tell(.stageReady)
        let text = String(decoding: try #require(lines.all.first).dropLast(), as: UTF8.self)
        _ = try EventLine.event(Array(text.utf8))
        let spoiled = try #require(text.range(of: old).map { text.replacingCharacters(in: $0, with: new) })
        #expect {
            try EventLine.event(Array(spoiled.utf8))
        } throws: { "\($0)".contains(name) }
    }

    @Test(
        "Times are written and read to the nanosecond, leap days and far years included",
        arguments: [
            (0, "1970-01-01T00:00:00.000000000Z"), (951_782_400_000_000_001, "2000-02-29T00:00:00.000000001Z"),
            (1_795_000_000_123_456_789, "2026-11-18T11:06:40.123456789Z"),
            (4_107_542_399_999_999_999, "2100-02-28T23:59:59.999999999Z"),
        ] as [(UInt64, String)])
    func times(_ nanoseconds: UInt64, _ text: String) {
        #expect(String(decoding: Timestamp.text(nanoseconds), as: UTF8.self) == text)
        #expect(Timestamp.parse(text) == nanoseconds)
    }
}
