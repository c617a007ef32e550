import Collectors
import Foundation
import Glibc
import Monitoring
import Shipping
import Testing

/// Not tests that fail, but figures: TRIBUTARY_EVENT_COSTS=1 prints them.
@Suite(
    "What events cost", .serialized,
    .enabled(if: Equipment.variable("TRIBUTARY_EVENT_COSTS") != nil, "set TRIBUTARY_EVENT_COSTS=1"))
struct CostTests {
    private static func processor(_ who: Int32) -> Double {
        var usage = rusage()
        getrusage(who, &usage)
        return Double(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
            + Double(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6
    }

    /// RUSAGE_THREAD of getrusage(2); RUSAGE_SELF is 0.
    private static let thread = Int32(1)

    @Test("Telling an event, with its spool, on the stage's own path")
    func telling() throws {
        let stand = try Stand(stages: ["encrypt"])
        let log = try #require(stand.logs[stand.stages[0]])
        log.follow(nil)
        let count = 200_000
        for (name, repeats) in [("warming up", 20_000), ("measured", count)] {
            let begun = Self.processor(Self.thread)
            for number in 0..<repeats {
                log.tell(
                    .contributionSealed,
                    [
                        .purpose: .text("update"), .values: .number(33_120), .bytes: .number(1_000_000 + number),
                        .clipped: .number(0), .quantiseSeconds: .real(0.25), .sealSeconds: .real(1.5),
                    ])
            }
            let each = (Self.processor(Self.thread) - begun) / Double(repeats)
            print("telling an event, spool included (\(name)): \(Int(each * 1e9)) ns of processor time")
        }
    }

    @Test("10,000 events a second through every sink: the shippers' processor time, together and alone")
    func shipping() throws {
        let python = try #require(Equipment.python)
        let rate = 10_000
        let seconds = 10
        func run(_ names: [String]) throws {
            let stand = try Stand(stages: ["encrypt", "local-train"])
            var sinks: [SinkSpecification] = []
            var collectors: [Collector] = []
            func add(_ name: String, _ target: SinkSpecification.Target, _ collector: Collector?, _ isReady: () -> Bool)
                throws
            {
                guard names.contains(name) else { return }
                sinks.append(SinkSpecification(name: name, target: target))
                try collector?.start { isReady() }
                if let collector { collectors.append(collector) }
            }
            func folder(_ name: String) throws -> String {
                let path = "\(stand.folder)/\(name)"
                try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
                return path
            }
            let udp = SinkAddress.udp(host: "127.0.0.1", port: try Equipment.freePort())
            let tcp = SinkAddress.tcp(host: "127.0.0.1", port: try Equipment.freePort())
            let unix = SinkAddress.unix(path: "\(stand.folder)/log")
            for (name, address) in [("syslog-udp", udp), ("syslog-tcp", tcp), ("syslog-unix", unix)]
            where names.contains(name) {
                try add(
                    name, .syslog(address, .daemon, .text),
                    try SyslogCollectors.rsyslog(address, folder: try folder(name))
                ) { SyslogCollectors.isReady(address) }
            }
            try add("file", .file(path: "\(stand.folder)/events.jsonl", rotate: 64 << 20, keep: 3), nil) { true }
            for (name, program) in [("forward", "forward"), ("otlp", "otlp")] where names.contains(name) {
                let port = try Equipment.freePort()
                let output = "\(try folder(name))/received"
                let collector = Collector(
                    [python, "\(Equipment.peers)/\(program).py", "\(port)", output], folder: try folder(name),
                    output: output)
                let target: SinkSpecification.Target =
                    name == "forward"
                    ? .forward(
                        ForwardTarget(
                            address: .tcp(host: "127.0.0.1", port: port), tag: "t", mode: .packed, acknowledges: true,
                            sharedKey: nil))
                    : .otlp(OTLPTarget(host: "127.0.0.1", port: port, prefix: "", signals: OTLPTarget.Signal.allCases))
                try add(name, target, collector) { Collector.isListening(port) }
            }
            for log in stand.logs.values { log.follow(nil) }
            let (process, own) = (Self.processor(0), Self.processor(Self.thread))
            try stand.ship(sinks)
            let begun = ContinuousClock.now
            for tick in 0..<seconds * 100 {
                stand.tell(rate / 100 / stand.stages.count)
                let next = begun + .milliseconds(10 * (tick + 1))
                let rest = next - ContinuousClock.now
                if rest > .zero { usleep(UInt32(rest.components.attoseconds / 1_000_000_000_000)) }
            }
            let told = ContinuousClock.now - begun
            let total = Double(rate * seconds)
            try Equipment.wait("everything has been delivered") {
                sinks.allSatisfy { stand.reading(.sinkEvents, $0.name) >= total }
            }
            let arrived = ContinuousClock.now - begun
            let used = Self.processor(0) - process - (Self.processor(Self.thread) - own)
            let lost = sinks.map { stand.reading(.sinkLost, $0.name) }.reduce(0, +)
            stand.stopMonitor()
            withExtendedLifetime(collectors) {}
            print(
                "\(names.joined(separator: ", ")): \(Int(total)) events told in \(told), delivered after \(arrived), lost \(Int(lost)); shippers used \(Int(used * 1000)) ms of processor time, \(Int(used / total / Double(sinks.count) * 1e9)) ns for each event and sink"
            )
        }
        var names = ["file", "forward", "otlp"]
        if Equipment.collectors != nil { names += ["syslog-udp", "syslog-tcp", "syslog-unix"] }
        for name in names { try run([name]) }
        try run(names)
    }
}
