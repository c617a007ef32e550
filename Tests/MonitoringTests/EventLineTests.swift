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

    /// Both ways to read a line, whose fields may come in another order.
    private func readings(_ line: ArraySlice<UInt8>) -> [String] {
        var reader = EventReader()
        return [{ try EventLine.event(line) }, { try reader.event(line) }, { try reader.event(line) }].map {
            do {
                let event = try $0()
                let fields = event.fields.pairs.map { "\($0.field.name) \($0.field.kind) \($0.value)" }.sorted()
                return "\(event.time) \(event.level) \(event.name) \(event.run) \(event.stage) \(event.epoch)"
                    + " \(event.sequence) \(event.round) \(event.trace) \(fields)"
            } catch { return "refused" }
        }
    }

    @Test("Lines read many at a time say what they say alone, whatever is in them and however they are spoiled")
    func manyLines() throws {
        let lines = Lines()
        let log = try EventLog.ofEncrypt(write: lines.write)
        log.enter(RoundNumber(3), opening: Digest(of: [1]))
        log.tell(
            .contributionSealed, round: RoundNumber(3),
            [
                .purpose: .text("update"), .values: .number(-1), .bytes: .number(.max), .clipped: .number(0),
                .quantiseSeconds: .real(0.1), .sealSeconds: .real(-1.0 / 3), .digest: .text("\"\\\n\u{1}ü漢🙂"),
            ])
        for number in [
            0.0, -0.0, Double(bitPattern: 1), 1e22, 1e23, 0.3, 123456.789, 1 / 3.0, 9_007_199_254_740_992, .nan,
            .infinity,
        ] {
            log.tell(.roundReleased, [.seconds: .real(number), .openSeconds: .real(-number)])
        }
        log.tell(
            .roundClosed,
            [.cohort: .list([.text("a"), .number(1), .flag(false), .real(0.5)]), .gatherSeconds: .real(2)])
        log.tell(.roundClosed, [.cohort: .list([])])
        log.tell(.stageReady)
        for line in lines.all.map({ $0.dropLast() }) {
            let readings = readings(line)
            #expect(Set(readings).count == 1 && readings[0] != "refused", "\(readings)")
            // One byte more, less, or another: refused by all, or the same to all.
            for index in line.indices {
                let (before, after) = (Array(line[..<index]), Array(line[(index + 1)...]))
                let others: [UInt8] = [0x22, 0x2c, 0x30, 0x5c, 0x7b, 0x80]
                for spoiled in [before, before + after] + others.map({ before + [$0] + after }) {
                    let readings = self.readings(spoiled[...])
                    #expect(Set(readings).count == 1, "\(String(decoding: spoiled, as: UTF8.self)): \(readings)")
                }
            }
        }
    }
}
