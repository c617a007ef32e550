internal import Federation
internal import Glibc
internal import Topology

/// What this host's stages have complained of lately: each complaint once, with how often.
enum LogCheck {
    /// Lines at the end of each log that are looked at.
    private static let lines = 400
    private static let span = 600.0
    private static let most = 4

    private struct Complaint {
        var count = 0
        var last = LogLine("")
    }

    /// - Parameter supervised: stages of which the launcher tells what is wrong between them and their peers at present; a log
    ///   tells what was.
    static func findings(_ topology: Topology, _ stages: [StageName], supervised: Set<StageName>) -> [Finding] {
        var findings: [Finding] = []
        for stage in stages {
            do {
                let found = try look(at: topology.logPath(of: stage), of: stage)
                findings += found.filter { $0.area == "log" || !supervised.contains(stage) }
            } catch {
                findings.append(Finding(.warning, "log", "\(stage)", "cannot be read: \(error)"))
            }
        }
        return findings.isEmpty
            ? [Finding(.fine, "log", "\(topology.statePath)/logs", "no warnings in the last ten minutes")] : findings
    }

    private static func look(at path: String, of stage: StageName) throws -> [Finding] {
        var reader = LogReader(path: path)
        let now = TimeOfDay.rfc3339(TimeOfDay.seconds() - span)
        var complaints: [String: Complaint] = [:]
        var order: [String] = []
        for text in try reader.newLines().suffix(lines) {
            let line = LogLine(text)
            if line["event"] == "clocks_agree" {
                // It has mended itself since.
                let key = "clocks_differ|\(line["with"] ?? "")"
                complaints[key] = nil
                order.removeAll { $0 == key }
                continue
            }
            // RFC 3339 in UTC sorts as text.
            guard let level = line["level"], level == "warning" || level == "error", let time = line.time, time >= now
            else { continue }
            // Its reason says more than which two clocks they are, and differs from time to time.
            let parts =
                line["event"] == "clocks_differ"
                ? ["event", "with"] : ["event", "reason", "from", "peer"]
            let key = parts.compactMap { line[$0] }.joined(separator: "|")
            if complaints[key] == nil { order.append(key) }
            complaints[key, default: Complaint()].count += 1
            complaints[key]?.last = line
        }
        return order.suffix(most).compactMap { key in
            guard let complaint = complaints[key] else { return nil }
            let line = complaint.last
            let clock = line.time?.split(separator: "T").last.map { String($0.prefix(8)) } ?? ""
            let times = complaint.count > 1 ? ", \(complaint.count) times" : ""
            let whom = (line["from"] ?? line["peer"] ?? line["with"]).map { " (\($0))" } ?? ""
            return Finding(
                .warning, area(line), stage.description,
                "\(line["event"] ?? "")\(whom): \(line["reason"] ?? line.raw) [last at \(clock)Z\(times)]",
                advice: advice(line))
        }
    }

    private static func area(_ line: LogLine) -> String {
        if line["event"] == "clocks_differ" { return "clock" }
        return isOfAnotherVersion(line) ? "version" : "log"
    }

    /// `FederationError.unsupportedVersion` in words.
    private static func isOfAnotherVersion(_ line: LogLine) -> Bool {
        line["reason"]?.hasPrefix("protocol version ") == true
    }

    /// What to do about what comes up most: nil where the reason says it.
    private static func advice(_ line: LogLine) -> String? {
        if line["event"] == "clocks_differ" {
            return "let both hosts set their clocks from the network (chrony, systemd-timesyncd)"
        }
        guard isOfAnotherVersion(line) else { return nil }
        return
            "one of the two is of another release: compare `tributary --version` on both hosts, and upgrade the older one"
    }
}
