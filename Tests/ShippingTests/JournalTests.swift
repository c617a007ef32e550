import Collectors
import Foundation
import Glibc
import JSONText
import Monitoring
import Shipping
import Testing

@Suite(
    "The journal, by systemd-journald", .serialized,
    .enabled(
        if: Equipment.canRunJournald, "needs root, systemd-journald, journalctl, control groups and /etc/machine-id"))
struct JournalTests {
    private static func mark(_ entry: [String: JSON]) -> Stand.Mark? {
        Stand.Mark([
            "stage": entry["TRIBUTARY_STAGE"] ?? .null, "epoch": entry["TRIBUTARY_EPOCH"] ?? .null,
            "sequence": entry["TRIBUTARY_SEQUENCE"] ?? .null,
        ])
    }

    @Test("Every event arrives, in order per stage, with its fields; a kill of journald in between loses none")
    func everything() throws {
        let stand = try Stand()
        let journald = try Journald(folder: stand.folder)
        try journald.start()
        stand.tell(60)
        try stand.ship([SinkSpecification(name: "journald", target: .journald(socket: journald.socket))])
        stand.tell(100)
        try Equipment.wait("the first have arrived") { try journald.entries().count >= 100 }
        journald.kill()
        stand.tell(200)
        try Equipment.wait("the monitor has noticed") { stand.reading(.sinkFailures, "journald") > 0 }
        try journald.start()
        stand.tell(20)
        try Equipment.wait("everything has arrived") {
            Set(try journald.entries().compactMap(Self.mark)) == stand.marks
        }
        stand.stopMonitor()
        let entries = try journald.entries()
        stand.expectAll(entries.compactMap(Self.mark))
        let told = Dictionary(uniqueKeysWithValues: stand.told.values.joined().map { (Stand.Mark($0), $0) })
        for entry in entries {
            let event = try #require(Self.mark(entry).flatMap { told[$0] })
            #expect(entry["TRIBUTARY_EVENT"]?.text == event.name)
            #expect(entry["MESSAGE_ID"]?.text == JournalFormat.messageID(event.name))
            #expect(entry["PRIORITY"]?.whole == event.level.syslogSeverity)
            #expect(entry["MESSAGE"]?.text == event.summary())
            #expect(entry["TRIBUTARY_TRACE"]?.text == event.trace.description)
            for (field, value) in event.fields.pairs {
                #expect(entry["TRIBUTARY_\(field.name.uppercased())"]?.text == value.shown, "\(event.name)")
            }
        }
    }

    @Test("An entry that is too long for a datagram arrives whole, by a file in memory")
    func longEntry() throws {
        let stand = try Stand(stages: ["encrypt"])
        let journald = try Journald(folder: stand.folder)
        try journald.start()
        let log = try #require(stand.logs[stand.stages[0]])
        let names = (0..<1000).map { EventValue.text("cloud-\($0)-\(String(repeating: "x", count: 40))") }
        log.tell(.roundClosed, [.cohort: .list(names)])
        try stand.ship([SinkSpecification(name: "journald", target: .journald(socket: journald.socket))])
        stand.stopMonitor()
        try Equipment.wait("it has arrived") { try journald.entries().count == 1 }
        let entry = try #require(try journald.entries().first)
        #expect(entry["TRIBUTARY_COHORT"]?.text == EventValue.list(names).shown)
        #expect((entry["TRIBUTARY_COHORT"]?.text?.utf8.count ?? 0) > 40_000)
    }
}
