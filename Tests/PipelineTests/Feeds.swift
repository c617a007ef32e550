import Collectors
import Foundation
import Glibc
import Monitoring

/// The collectors that there are here, each with a sink of its own.
enum Feeds {
    /// - Parameter folder: short, as unix sockets lie below it.
    static func all(in folder: String) throws -> [Feed] {
        let ports = try FederationRun.freePorts(4)
        var feeds: [Feed] = []
        func place(_ name: String) throws -> String {
            let path = "\(folder)/\(name)"
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
            return path
        }
        if Equipment.collectors != nil {
            let tcp = SinkAddress.tcp(host: "127.0.0.1", port: ports[0])
            feeds.append(
                try syslog(
                    "rsyslog", tcp, SyslogCollectors.rsyslog(tcp, folder: place("rsyslog")),
                    SyslogCollectors.fromRsyslog))
            let unix = SinkAddress.unix(path: "\(try place("unix"))/log")
            feeds.append(
                try syslog(
                    "rsyslog-unix", unix, SyslogCollectors.rsyslog(unix, folder: place("unix")),
                    SyslogCollectors.fromRsyslog))
            let other = SinkAddress.tcp(host: "127.0.0.1", port: ports[1])
            feeds.append(
                try syslog(
                    "syslog-ng", other, SyslogCollectors.syslogNG(other, folder: place("ng")),
                    SyslogCollectors.fromSyslogNG))
        }
        if Equipment.canRunJournald {
            let journald = try Journald(folder: try place("journald"), number: 1)
            feeds.append(
                Feed(
                    name: "journald", sink: "{kind: journald, socket: \(journald.socket)}", start: journald.start,
                    kill: journald.kill, received: { try journald.entries().map(ReceivedEvent.ofJournal) },
                    level: { "\($0.syslogSeverity)" }))
        }
        if let python = Equipment.python {
            let forward = peer("forward", python, ports[2], try place("forward"))
            feeds.append(
                Feed(
                    name: "forward", sink: "{kind: forward, address: \"tcp://127.0.0.1:\(ports[2])\"}",
                    start: { try forward.start { Collector.isListening(ports[2]) } }, kill: forward.kill,
                    received: { try forward.lines().map(ReceivedEvent.ofForward) }))
            let otlp = peer("otlp", python, ports[3], try place("otlp"))
            feeds.append(
                Feed(
                    name: "otlp", sink: "{kind: otlp, address: \"http://127.0.0.1:\(ports[3])\"}",
                    start: { try otlp.start { Collector.isListening(ports[3]) } }, kill: otlp.kill,
                    received: { try otlp.lines().compactMap(ReceivedEvent.ofOTLP) }))
        }
        return feeds
    }

    private static func peer(_ program: String, _ python: String, _ port: Int, _ folder: String) -> Collector {
        let output = "\(folder)/received"
        return Collector(
            [python, "\(Equipment.peers)/\(program).py", "\(port)", output], folder: folder, output: output)
    }

    private static func syslog(
        _ name: String, _ address: SinkAddress, _ collector: Collector,
        _ read: @escaping (String) throws -> SyslogCollectors.Message
    ) -> Feed {
        Feed(
            name: name, sink: "{kind: syslog, name: \(name), address: \"\(address)\"}",
            start: {
                // A socket that a killed one left is there and nobody's.
                if case .unix(let path) = address { unlink(path) }
                try collector.start { SyslogCollectors.isReady(address) }
            }, kill: collector.kill,
            received: { try collector.lines().map { try ReceivedEvent.of(try read($0)) } },
            level: { "\($0.syslogSeverity)" },
            time: { String(decoding: Timestamp.text($0).prefix(26), as: UTF8.self) },
            text: { String($0.map { ["\n", "\t"].contains($0) ? " " : $0 }) })
    }
}
