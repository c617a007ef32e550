import Configuration
import Monitoring
import Testing
import Topology

@Suite("Sinks in a topology")
struct SinkTests {
    private func text(_ sinks: String, of cloud: String = "") -> String {
        let own = cloud.isEmpty ? "" : "    sinks:\n\(cloud.split(separator: "\n").map { "      \($0)\n" }.joined())"
        return Sample.text
            .replacing(
                "clouds:\n", with: "sinks:\n\(sinks.split(separator: "\n").map { "  \($0)\n" }.joined())clouds:\n"
            )
            .replacing("    owner: North Hospital\n", with: "    owner: North Hospital\n\(own)")
    }

    @Test("Every kind is read, with what it has by default; a cloud has those of the whole file and its own")
    func reads() throws {
        let topology = try Sample.load(
            text(
                """
                - {kind: stdout}
                - {kind: syslog, address: "udp://127.0.0.1:514", level: info, facility: local7, message: json}
                - {kind: forward, address: "tcp://127.0.0.1:24224", shared-key: key}
                - {kind: otlp, address: "http://127.0.0.1:4318", signals: [traces, logs]}
                """,
                of: """
                    - {kind: file, path: events.jsonl, rotate: 1MiB, keep: 0}
                    - {kind: journald, name: journal}
                    - {kind: stderr, level: error}
                    """))
        let sinks = try #require(topology.clouds.first).sinks
        #expect(sinks.map(\.name) == ["stdout", "syslog", "forward", "otlp", "file", "journal", "stderr"])
        #expect(sinks.map(\.level) == [.debug, .info, .debug, .debug, .debug, .debug, .error])
        #expect(sinks[1].target == .syslog(.udp(host: "127.0.0.1", port: 514), .local7, .json))
        #expect(
            sinks[2].target
                == .forward(
                    ForwardTarget(
                        address: .tcp(host: "127.0.0.1", port: 24224), tag: "tributary", mode: .packed,
                        acknowledges: true, sharedKey: "/etc/tributary/key")))
        #expect(
            sinks[3].target
                == .otlp(OTLPTarget(host: "127.0.0.1", port: 4318, prefix: "", signals: [.logs, .traces])))
        #expect(sinks[4].target == .file(path: "/etc/tributary/events.jsonl", rotate: 1 << 20, keep: 0))
        #expect(sinks[5].target == .journald(socket: JournalFormat.socket))
        #expect(topology.clouds.dropFirst().allSatisfy { $0.sinks.count == 4 })
        #expect(topology.spoolLimit == SpoolWriter.defaultLimit)
        #expect(try Sample.load().clouds.allSatisfy(\.sinks.isEmpty))
    }

    @Test(
        "What is wrong with a sink is told with its place and what to do",
        arguments: [
            ("- {kind: sylog, address: \"udp://a:1\"}", "expected one of stdout, stderr, file, syslog"),
            ("- {kind: syslog}", "`address` is missing in `sinks[0]`"),
            ("- {kind: syslog, address: \"a:1\"}", "expected udp://HOST:PORT or tcp://HOST:PORT or unix:///PATH"),
            ("- {kind: forward, address: \"udp://a:1\"}", "expected tcp://HOST:PORT, found \"udp://a:1\""),
            ("- {kind: otlp, address: \"https://a\"}", "TLS is not spoken here"),
            ("- {kind: otlp, address: \"http://a\", signals: [log]}", "expected one of logs, metrics, traces"),
            ("- {kind: stdout, adress: x}", "unknown key `adress` in `sinks[0]`"),
            ("- {kind: file, path: x, rotate: 10}", "expected a size such as"),
            ("- {kind: file, path: x, rotate: 1kB}", "expected 65536"),
            ("- {kind: syslog, address: \"udp://a:1\", facility: deamon}", "(did you mean \"daemon\"?)"),
            ("- {kind: syslog, address: \"udp://a:1\", level: warn}", "expected one of debug, info, warning, error"),
            ("- {kind: stdout, name: Out}", "expected 1 to 32 lower-case letters"),
            ("- {kind: stdout}\n- {kind: stdout}", "two sinks are called `stdout`: give one of them a `name`"),
            ("- {kind: forward, address: \"tcp://a:1\", tag: \"a b\"}", "expected 1 to 128 letters"),
        ])
    func refuses(_ sinks: String, _ reason: String) {
        #expect {
            try Sample.load(text(sinks))
        } throws: { "\($0)".contains(reason) }
    }

    @Test("A cloud's sink may not have the name of one of all clouds; two clouds may have the same")
    func names() throws {
        #expect {
            try Sample.load(text("- {kind: stdout}", of: "- {kind: stdout}"))
        } throws: { "\($0)".contains("`stdout` of north is called like a sink of all clouds") }
        _ = try Sample.load(text("- {kind: stdout}", of: "- {kind: stdout, name: own}"))
    }

    @Test("What stages keep of their events is the file's to say, and another amount is a change of every stage")
    func spool() throws {
        let changed = try Sample.load("events: {spool: 2MiB}\n" + Sample.text)
        #expect(changed.spoolLimit == 2 << 20)
        let stage = changed.publish
        let outlook = try #require(changed.outlook(of: stage))
        let before = try #require(try Sample.load().outlook(of: stage))
        #expect(outlook.changes(since: before) == ["keeps 2097152 bytes of events, kept 67108864"])
        #expect {
            try Sample.load("events: {spool: 1kB}\n" + Sample.text)
        } throws: { "\($0)".contains("`events.spool`: expected 1048576") }
    }
}
