import Collectors
import Foundation
import Monitoring
import Shipping
import Testing

@Suite(
    "Syslog, by rsyslog and syslog-ng", .serialized,
    .enabled(if: Equipment.collectors != nil, Equipment.withoutCollectors))
struct SyslogTests {
    enum Daemon: String, CaseIterable { case rsyslog, syslogNG }

    private static func address(_ scheme: SinkAddress.Scheme, _ folder: String) throws -> SinkAddress {
        switch scheme {
        case .udp: .udp(host: "127.0.0.1", port: try Equipment.freePort())
        case .tcp: .tcp(host: "127.0.0.1", port: try Equipment.freePort())
        case .unix: .unix(path: "\(folder)/log")
        }
    }

    private static func collector(_ daemon: Daemon, _ address: SinkAddress, _ folder: String) throws -> Collector {
        switch daemon {
        case .rsyslog: try SyslogCollectors.rsyslog(address, folder: folder)
        case .syslogNG: try SyslogCollectors.syslogNG(address, folder: folder)
        }
    }

    private static func messages(_ daemon: Daemon, _ collector: Collector) throws -> [SyslogCollectors.Message] {
        try collector.lines().map {
            daemon == .rsyslog ? try SyslogCollectors.fromRsyslog($0) : try SyslogCollectors.fromSyslogNG($0)
        }
    }

    private static func marks(_ messages: [SyslogCollectors.Message]) -> [Stand.Mark] {
        messages.compactMap { Stand.Mark($0.parameters) }
    }

    @Test(
        "Every event arrives, in order per stage, with its fields, while more are told; and so it does when the collector is killed in between",
        arguments: Daemon.allCases, SinkAddress.Scheme.allCases)
    func everything(_ daemon: Daemon, _ scheme: SinkAddress.Scheme) throws {
        let stand = try Stand()
        let address = try Self.address(scheme, stand.folder)
        let collector = try Self.collector(daemon, address, stand.folder)
        try collector.start { SyslogCollectors.isReady(address) }
        stand.tell(50)
        try stand.ship([SinkSpecification(name: "syslog", target: .syslog(address, .local3, .text))])
        stand.tell(200)
        try Equipment.wait("the first have arrived") { try collector.lines().count >= 100 }
        collector.kill()
        stand.tell(300)
        try Equipment.wait("the monitor has noticed") { stand.reading(.sinkFailures, "syslog") > 0 }
        #expect(stand.reading(.sinkUp, "syslog") == 0)
        try collector.start { SyslogCollectors.isReady(address) }
        stand.tell(50)
        try Equipment.wait("everything has arrived") {
            Set(Self.marks(try Self.messages(daemon, collector))) == stand.marks
        }
        #expect(stand.reading(.sinkUp, "syslog") == 1 && stand.reading(.sinkLost, "syslog") == 0)
        stand.stopMonitor()
        let messages = try Self.messages(daemon, collector)
        stand.expectAll(Self.marks(messages))
        try Self.expectFields(messages, stand)
    }

    private static func expectFields(_ messages: [SyslogCollectors.Message], _ stand: Stand) throws {
        let told = Dictionary(uniqueKeysWithValues: stand.told.values.joined().map { (Stand.Mark($0), $0) })
        for message in messages {
            let mark = try #require(Stand.Mark(message.parameters), "\(message)")
            let event = try #require(told[mark])
            #expect(message.name == event.name && message.process == "\(event.stage)")
            #expect(message.severity == event.level.syslogSeverity)
            #expect(message.time.hasPrefix(String(decoding: Timestamp.text(event.time).prefix(26), as: UTF8.self)))
            #expect(message.text.hasSuffix(event.summary()) && message.parameters["run"]?.text == "demo")
            #expect(message.parameters["trace"]?.text == event.trace.description)
            for (field, value) in event.fields.pairs {
                let shown = value.shown.replacing("\n", with: " ").replacing("\t", with: " ")
                #expect(message.parameters[field.name]?.text == shown, "\(event.name).\(field.name)")
            }
        }
    }

    @Test("A level leaves out what is below it; with `message: json` the text is the event's line")
    func levelAndBody() throws {
        let stand = try Stand(stages: ["encrypt"])
        let address = try Self.address(.tcp, stand.folder)
        let collector = try Self.collector(.rsyslog, address, stand.folder)
        try collector.start { SyslogCollectors.isReady(address) }
        stand.tell(20)
        try stand.ship([
            SinkSpecification(name: "syslog", level: .warning, target: .syslog(address, .daemon, .json))
        ])
        stand.stopMonitor()
        let wanted = stand.told.values.joined().filter { $0.level >= .warning }
        try Equipment.wait("they have arrived") { try collector.lines().count >= wanted.count }
        let messages = try Self.messages(.rsyslog, collector)
        stand.expectAll(Self.marks(messages), among: Set(wanted.map { Stand.Mark($0) }))
        #expect(!wanted.isEmpty && wanted.count < stand.marks.count)
        for (message, event) in zip(messages, wanted) {
            let start = try #require(message.text.firstIndex(of: "{"))
            let read = try EventLine.event(Array(message.text[start...].utf8))
            #expect(read.fields[.reason] == event.fields[.reason] && read.sequence == event.sequence)
        }
    }
}
