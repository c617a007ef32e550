import Collectors
import Federation
import Foundation
import JSONText
import Monitoring
import Shipping
import Testing

@Suite(
    "OTLP over HTTP, by opentelemetry-proto", .serialized,
    .enabled(if: Equipment.python != nil, Equipment.withoutPython))
struct OTLPTests {
    private static func collector(_ port: Int, _ more: [String], folder: String) throws -> Collector {
        let python = try #require(Equipment.python)
        let output = "\(folder)/received"
        return Collector(
            [python, "\(Equipment.peers)/otlp.py", "\(port)", output] + more, folder: folder, output: output)
    }

    private static func sink(_ port: Int, _ signals: [OTLPTarget.Signal] = [.logs]) -> SinkSpecification {
        SinkSpecification(
            name: "otlp", target: .otlp(OTLPTarget(host: "127.0.0.1", port: port, prefix: "", signals: signals)))
    }

    private static func received(_ collector: Collector, _ signal: String) throws -> [[String: JSON]] {
        try collector.lines().map { try JSON(Array($0.utf8)).members }.filter { $0["signal"]?.text == signal }
    }

    private static func mark(_ record: [String: JSON]) -> Stand.Mark? {
        let attributes = record["attributes"]?.members ?? [:]
        return Stand.Mark([
            "stage": record["resource"]?.members["tributary.stage"] ?? .null, "epoch": attributes["epoch"] ?? .null,
            "sequence": attributes["sequence"] ?? .null,
        ])
    }

    @Test(
        "Every event arrives as a log record, in order per stage, with its fields; a kill and 503s in between lose none"
    )
    func logs() throws {
        let stand = try Stand()
        let port = try Equipment.freePort()
        let collector = try Self.collector(port, [], folder: stand.folder)
        try collector.start { Collector.isListening(port) }
        stand.tell(100)
        try stand.ship([Self.sink(port)])
        try Equipment.wait("the first have arrived") { try collector.lines().count >= 200 }
        collector.kill()
        stand.tell(300)
        try Equipment.wait("the monitor has noticed") { stand.reading(.sinkFailures, "otlp") > 0 }
        let busy = try Self.collector(port, ["--busy", "3", "--chunked"], folder: stand.folder)
        try busy.start { Collector.isListening(port) }
        stand.tell(50)
        try Equipment.wait("everything has arrived") {
            Set(try Self.received(busy, "logs").compactMap(Self.mark)) == stand.marks
        }
        stand.stopMonitor()
        let records = try Self.received(busy, "logs")
        stand.expectAll(records.compactMap(Self.mark))
        let severities: [EventLevel: Int] = [.debug: 5, .info: 9, .warning: 13, .error: 17]
        let told = Dictionary(uniqueKeysWithValues: stand.told.values.joined().map { (Stand.Mark($0), $0) })
        for record in records {
            let event = try #require(Self.mark(record).flatMap { told[$0] })
            let resource = record["resource"]?.members ?? [:]
            #expect(resource["service.name"]?.text == "tributary-\(event.stage.kind.rawValue)")
            #expect(resource["service.instance.id"]?.text == "\(event.stage)")
            #expect(resource["service.namespace"]?.text == "trial" && resource["tributary.run"]?.text == "demo")
            #expect(record["time"]?.whole == Int(event.time) && record["event"]?.text == event.name)
            #expect(record["severity"]?.whole == severities[event.level])
            #expect(record["body"]?.text == event.summary())
            let trace = "00-\(record["trace"]?.text ?? "")-\(record["span"]?.text ?? "")-01"
            #expect(trace == event.trace.description)
            let attributes = record["attributes"]?.members ?? [:]
            #expect(attributes["round"]?.whole == Int(event.round.value))
            let line = try JSON(EventLine.bytes(event).dropLast()).members
            for (field, _) in event.fields.pairs {
                #expect(attributes[field.name]?.number == line[field.name]?.number, "\(event.name).\(field.name)")
            }
        }
    }

    @Test("What the collector rejects is counted and not sent again; the rest counts as delivered")
    func rejected() throws {
        let stand = try Stand(stages: ["encrypt"])
        let port = try Equipment.freePort()
        let collector = try Self.collector(port, ["--refuse", "stage_failed"], folder: stand.folder)
        try collector.start { Collector.isListening(port) }
        stand.tell(50)
        try stand.ship([Self.sink(port)])
        try Equipment.wait("all are dealt with") {
            stand.reading(.sinkEvents, "otlp") + stand.reading(.sinkRefused, "otlp") == 50
        }
        #expect(stand.reading(.sinkRefused, "otlp") == 10 && stand.reading(.sinkFailures, "otlp") == 0)
        #expect(stand.notes.all.contains { $0.contains("not wanted here") })
        stand.stopMonitor()
        let kept = stand.told.values.joined().filter { $0.name != "stage_failed" }
        stand.expectAll(
            try Self.received(collector, "logs").compactMap(Self.mark), among: Set(kept.map { Stand.Mark($0) }))
    }

    @Test("Phases, stages' parts and the round are spans of one trace; counts are sums, phase lengths histograms")
    func tracesAndMetrics() throws {
        let stand = try Stand()
        let port = try Equipment.freePort()
        let collector = try Self.collector(port, [], folder: stand.folder)
        try collector.start { Collector.isListening(port) }
        stand.tell(50)
        let log = try #require(stand.logs[stand.stages[0]])
        log.tell(.roundReleased, round: RoundNumber(1), [.seconds: .real(9)])
        try stand.writeMetrics()
        try stand.ship([Self.sink(port, [.logs, .metrics, .traces])])
        stand.stopMonitor()
        let events = stand.told.values.joined()
        let trace = try #require(events.first { $0.name == "round_closed" }).trace
        let spans = try Self.received(collector, "traces")
        let hexTrace = String(trace.description.dropFirst(3).prefix(32))
        #expect(spans.allSatisfy { $0["trace"]?.text == hexTrace })
        let whole = try #require(spans.first { $0["name"]?.text == "round 1" })
        #expect(whole["parent"]?.text?.isEmpty == true)
        #expect((whole["end"]?.whole ?? 0) - (whole["start"]?.whole ?? 0) == 9_000_000_000)
        let parts = spans.filter { ["encrypt", "local-train"].contains($0["name"]?.text) }
        #expect(parts.count == 2 && parts.allSatisfy { $0["parent"] == whole["span"] })
        let sealed = events.filter { $0.name == "contribution_sealed" }
        for event in sealed {
            let end = Int(event.time)
            let seal = try #require(spans.first { $0["name"]?.text == "seal" && $0["end"]?.whole == end })
            #expect(seal["start"]?.whole == end - 1_500_000_000)
            let before = spans.first { $0["name"]?.text == "quantise" && $0["end"] == seal["start"] }
            #expect(before?["start"]?.whole == end - 1_750_000_000)
            #expect(parts.contains { $0["span"] == seal["parent"] })
        }
        #expect(Set(spans.compactMap { $0["span"]?.text }).count == spans.count)
        let points = try Self.received(collector, "metrics")
        let bytes = points.filter { $0["name"]?.text == "tributary_sealed_bytes_total" }
        #expect(bytes.count == 2 && bytes.allSatisfy { $0["unit"]?.text == "By" && $0["kind"]?.text == "sum" })
        #expect(bytes.allSatisfy { $0["temporality"]?.whole == 2 && $0["monotonic"] == .bool(true) })
        #expect(bytes.allSatisfy { $0["start"]?.whole == 1_700_000_000_000_000_000 })
        let each = sealed.filter { $0.stage == stand.stages[0] }.compactMap { $0.fields[.bytes]?.quantity }
        #expect(bytes.allSatisfy { $0["value"]?.number == .number(each.reduce(0, +)) })
        let phases = points.filter {
            $0["name"]?.text == "tributary_phase_seconds" && $0["attributes"]?.members["phase"]?.text == "seal"
        }
        #expect(phases.count == 2 && phases.allSatisfy { $0["count"]?.whole == each.count })
        #expect(phases.allSatisfy { $0["sum"]?.number == .number(1.5 * Double(each.count)) && $0["unit"]?.text == "s" })
    }
}
