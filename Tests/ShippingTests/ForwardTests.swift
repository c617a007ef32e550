import Collectors
import Federation
import Foundation
import Glibc
import JSONText
import Monitoring
import Shipping
import Testing

@Suite(
    "Forward, by an independent peer and by fluentbit-server-py", .serialized,
    .enabled(if: Equipment.python != nil, Equipment.withoutPython))
struct ForwardTests {
    private static func peer(
        _ program: String, _ port: Int, _ more: [String], folder: String
    ) throws -> Collector {
        let python = try #require(Equipment.python)
        let output = "\(folder)/received"
        return Collector(
            [python, "\(Equipment.peers)/\(program).py", "\(port)", output] + more, folder: folder, output: output)
    }

    private static func sink(
        _ port: Int, mode: ForwardTarget.Mode = .packed, acknowledges: Bool = true, key: String? = nil
    ) -> SinkSpecification {
        SinkSpecification(
            name: "forward",
            target: .forward(
                ForwardTarget(
                    address: .tcp(host: "127.0.0.1", port: port), tag: "trial.events", mode: mode,
                    acknowledges: acknowledges, sharedKey: key)))
    }

    private static func key(_ text: String, in folder: String, mode: mode_t = 0o600) throws -> String {
        let path = "\(folder)/key-\(text)"
        try Data("\(text)\n".utf8).write(to: URL(filePath: path))
        chmod(path, mode)
        return path
    }

    private static func received(_ collector: Collector) throws -> [[String: JSON]] {
        try collector.lines().map { try JSON(Array($0.utf8)).members }
    }

    private static func marks(_ entries: [[String: JSON]]) -> [Stand.Mark] {
        entries.compactMap { Stand.Mark($0["record"]?.members ?? [:]) }
    }

    @Test(
        "Every event arrives, in order per stage, under its time and with its fields; a kill in between loses none",
        arguments: ForwardTarget.Mode.allCases, [nil, "a key that both have"])
    func everything(_ mode: ForwardTarget.Mode, _ key: String?) throws {
        let stand = try Stand()
        let port = try Equipment.freePort()
        let collector = try Self.peer("forward", port, key.map { ["--key", $0] } ?? [], folder: stand.folder)
        try collector.start { Collector.isListening(port) }
        stand.tell(100)
        let file = try key.map { try Self.key($0, in: stand.folder) }
        try stand.ship([Self.sink(port, mode: mode, key: file)])
        try Equipment.wait("the first have arrived") { try collector.lines().count >= 200 }
        collector.kill()
        stand.tell(500)
        try Equipment.wait("the monitor has noticed") { stand.reading(.sinkFailures, "forward") > 0 }
        try collector.start { Collector.isListening(port) }
        stand.tell(50)
        try Equipment.wait("everything has arrived") {
            Set(Self.marks(try Self.received(collector))) == stand.marks
        }
        stand.stopMonitor()
        let entries = try Self.received(collector)
        stand.expectAll(Self.marks(entries))
        let told = Dictionary(uniqueKeysWithValues: stand.told.values.joined().map { (Stand.Mark($0), $0) })
        for entry in entries {
            let record = entry["record"]?.members ?? [:]
            let event = try #require(Stand.Mark(record).flatMap { told[$0] })
            #expect(entry["tag"]?.text == "trial.events" && entry["time"]?.whole == Int(event.time))
            #expect(record["event"]?.text == event.name && record["level"]?.text == event.level.rawValue)
            #expect(record["cloud"]?.text == "north" && record["round"]?.whole == Int(event.round.value))
            for (field, value) in event.fields.pairs {
                let expected = try JSON(EventLine.bytes(event).dropLast()).members[field.name]
                #expect(record[field.name]?.number == expected?.number, "\(event.name).\(field.name) \(value)")
            }
        }
    }

    @Test("A collector that never acknowledges gets the same chunk again, and nothing counts as delivered")
    func unacknowledged() throws {
        let stand = try Stand(stages: ["encrypt"])
        let port = try Equipment.freePort()
        let silent = try Self.peer("forward", port, ["--no-ack"], folder: stand.folder)
        try silent.start { Collector.isListening(port) }
        stand.tell(10)
        try stand.ship([Self.sink(port)])
        try Equipment.wait("it has them twice") { try silent.lines().count >= 20 }
        #expect(stand.reading(.sinkEvents, "forward") == 0 && stand.reading(.sinkUp, "forward") == 0)
        silent.kill()
        let collector = try Self.peer("forward", port, [], folder: stand.folder)
        try collector.start { Collector.isListening(port) }
        try Equipment.wait("they are acknowledged") { stand.reading(.sinkEvents, "forward") == 10 }
        stand.stopMonitor()
        #expect(stand.expectAll(Self.marks(try Self.received(collector))) >= 20)
    }

    @Test(
        "Another key is refused by the collector; one that only says it has the key is refused by us; no event is sent")
    func wrongKey() throws {
        for (more, reason) in [
            (["--key", "right"], "refuses the shared key"),
            (["--key", "wrong", "--liar"], "does not have the shared key"),
        ] {
            let stand = try Stand(stages: ["encrypt"])
            let port = try Equipment.freePort()
            let collector = try Self.peer("forward", port, more, folder: stand.folder)
            try collector.start { Collector.isListening(port) }
            stand.tell(5)
            try stand.ship([Self.sink(port, key: try Self.key("wrong", in: stand.folder))])
            try Equipment.wait("it is refused") { stand.notes.all.contains { $0.contains(reason) } }
            #expect(try collector.lines().isEmpty && !stand.notes.all.contains { $0.contains("wrong") })
            collector.kill()
            // The same with the right key.
            let other = try Self.peer("forward", port, ["--key", "wrong"], folder: stand.folder)
            try other.start { Collector.isListening(port) }
            try Equipment.wait("it is taken") { try other.lines().count == 5 }
            stand.stopMonitor()
        }
    }

    @Test("A key that others may read, an empty one and a missing one are refused before anything is sent")
    func unsafeKey() throws {
        let stand = try Stand(stages: ["encrypt"])
        let sound = try Self.key("sound", in: stand.folder)
        try Monitor.check(Self.sink(1, key: sound))
        chmod(sound, 0o640)
        #expect {
            try Monitor.check(Self.sink(1, key: sound))
        } throws: { "\($0)".contains("others may read it (mode 640)") }
        let empty = try Self.key("", in: stand.folder)
        #expect {
            try Monitor.check(Self.sink(1, key: empty))
        } throws: { "\($0)".contains("is empty") }
        #expect {
            try Monitor.check(Self.sink(1, key: "\(stand.folder)/none"))
        } throws: { "\($0)".contains("No such file") }
    }

    @Test(
        "fluentbit-server-py takes them in Forward mode, without acknowledgements, which it does not know",
        arguments: [nil, "a key that both have"])
    func fluentbit(_ key: String?) throws {
        let stand = try Stand()
        let port = try Equipment.freePort()
        let collector = try Self.peer("fluentbit", port, key.map { [$0] } ?? [], folder: stand.folder)
        try collector.start { try collector.log().contains("ready") }
        stand.tell(100)
        let file = try key.map { try Self.key($0, in: stand.folder) }
        try stand.ship([Self.sink(port, mode: .forward, acknowledges: false, key: file)])
        try Equipment.wait("they have arrived") { try collector.lines().count >= 200 }
        let entries = try Self.received(collector)
        stand.expectAll(Self.marks(entries))
        #expect(entries.allSatisfy { $0["tag"]?.text == "trial.events" })
    }
}

extension JSON {
    /// Whole numbers and others alike.
    var number: JSON {
        if case .integer(let whole) = self { .number(Double(whole)) } else { self }
    }
}
