import Foundation
import Monitoring
import Testing

private let promtoolPath = [
    "/usr/bin/promtool", "/usr/local/bin/promtool",
    URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../.cache/collectors/usr/bin/promtool")
        .path,
].first {
    FileManager.default.isExecutableFile(atPath: $0)
}

/// What is given to Prometheus and Grafana beside the metrics themselves.
@Suite("Alert rules and dashboard")
struct RulesTests {
    private static let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../monitoring")

    private func text(_ name: String) throws -> String {
        try String(contentsOf: Self.folder.appending(path: name), encoding: .utf8)
    }

    /// Words that look like metrics of ours.
    private func metrics(in text: String) -> Set<String> {
        let words = text.split { !($0.isLetter || $0.isNumber || $0 == "_") }.map(String.init)
        let names = words.filter { $0.hasPrefix("tributary_") || $0.hasPrefix("process_") }
        return Set(
            names.map { name in
                for suffix in ["_sum", "_count", "_bucket"] where name.hasSuffix(suffix) {
                    return String(name.dropLast(suffix.count))
                }
                return name
            })
    }

    @Test("They name no metric that no stage has", arguments: ["alerts.yaml", "dashboard.json"])
    func namesMetrics(_ file: String) throws {
        let found = metrics(in: try text(file))
        #expect(found.count > 5 && found.subtracting(Meter.all.map(\.name)) == [])
        #expect(metrics(in: "tributary_no_such_total > 0").subtracting(Meter.all.map(\.name)).count == 1)
    }

    @Test("The dashboard is one that Grafana loads: JSON with a title, panels that do not overlap, and a query in each")
    func dashboard() throws {
        let data = Data(try text("dashboard.json").utf8)
        let dashboard = try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
        let panels = try #require(dashboard["panels"] as? [[String: Any]])
        #expect(dashboard["title"] as? String == "Tributary" && panels.count > 10)
        var taken: Set<[Int]> = []
        for panel in panels {
            let place = try #require(panel["gridPos"] as? [String: Int])
            let targets = try #require(panel["targets"] as? [[String: Any]])
            #expect(!targets.isEmpty && targets.allSatisfy { ($0["expr"] as? String)?.isEmpty == false })
            let (x, y, w, h) = (place["x"] ?? -1, place["y"] ?? -1, place["w"] ?? 0, place["h"] ?? 0)
            #expect(x >= 0 && x + w <= 24 && h > 0)
            for column in x..<(x + w) { for row in y..<(y + h) { #expect(taken.insert([column, row]).inserted) } }
        }
    }

    private func promtool(_ arguments: [String], input: String? = nil) throws -> (status: Int32, output: String) {
        let process = Process()
        let (output, given) = (Pipe(), Pipe())
        process.executableURL = URL(filePath: try #require(promtoolPath))
        process.arguments = arguments
        (process.standardOutput, process.standardError, process.standardInput) = (output, output, given)
        try process.run()
        try given.fileHandleForWriting.write(contentsOf: Data((input ?? "").utf8))
        try given.fileHandleForWriting.close()
        let text = String(decoding: try output.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
        process.waitUntilExit()
        return (process.terminationStatus, text)
    }

    @Test(
        "promtool takes the rules",
        .enabled(if: promtoolPath != nil, "`make collectors`, or Debian's prometheus, brings promtool"))
    func rules() throws {
        let sound = try promtool(["check", "rules", Self.folder.appending(path: "alerts.yaml").path])
        #expect(sound.status == 0, "\(sound.output)")
        let spoiled = NSTemporaryDirectory() + "alerts-\(UUID().uuidString).yaml"
        defer { unlink(spoiled) }
        try text("alerts.yaml").replacingOccurrences(of: "expr: tributary_stage_up == 0", with: "expr: up ==")
            .write(toFile: spoiled, atomically: true, encoding: .utf8)
        #expect(try promtool(["check", "rules", spoiled]).status != 0)
    }

    @Test(
        "promtool finds nothing to say of every metric that there is",
        .enabled(if: promtoolPath != nil, "`make collectors`, or Debian's prometheus, brings promtool"))
    func exposition() throws {
        let meters = Meters()
        for meter in Meter.all {
            let labels = meter.labels.map { "a \"\($0)\"\n" }
            if meter.kind == .histogram {
                meters.observe(1, in: meter, labels)
            } else {
                meters.set(meter, labels, to: 1.5)
            }
        }
        var exposition = Exposition()
        exposition.add(meters.readings(), labels: [("run", "demo"), ("cloud", "north"), ("stage", "encrypt")])
        let sound = try promtool(["check", "metrics"], input: exposition.text)
        #expect(sound.status == 0 && sound.output.isEmpty, "\(sound.output)")
        let spoiled = exposition.text.replacingOccurrences(of: "tributary_events_total", with: "tributary_events")
        #expect(try promtool(["check", "metrics"], input: spoiled).output.contains("tributary_events"))
    }
}
