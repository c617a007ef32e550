/// docs/events.md, which a test holds against the catalogue.
extension Catalogue {
    package static var page: String {
        var lines = [
            "# Events", "",
            "Made from the catalogue in `Sources/Monitoring/Catalogue` (`TRIBUTARY_WRITE_DOCS=1 make test TESTFLAGS='--filter",
            "MonitoringTests'` writes it anew). Version \(Event.version): an event or a field may come without a new version; none",
            "changes its meaning or goes.", "",
            "Every event is a line of JSON with `time` (RFC 3339, UTC, nanoseconds), `level`, `event`, `version`, `run`, `cloud`,",
            "`stage`, `epoch` (of the stage's process: one more at each start), `sequence` (from 1 in each epoch; a gap means that",
            "events were lost), `round` (the one that it belongs to, or else the newest that the stage knows of; 0 before the first)",
            "and `trace` (W3C trace context: all clouds' events of a round are one trace), and then its own fields. Never in one:",
            "records, tokens, values of updates, keys.", "",
        ]
        for section in sections {
            lines += ["## \(section.title)", "", "| event | level | when | fields |", "|---|---|---|---|"]
            for kind in section.kinds {
                let fields = kind.fields.map { "`\($0.name)`" }.joined(separator: ", ")
                lines.append("| `\(kind.name)` | \(kind.level) | \(kind.when) | \(fields) |")
            }
            lines.append("")
        }
        lines += ["## Fields", "", "| field | holds | unit | what it says |", "|---|---|---|---|"]
        var seen: Set<String> = []
        for field in kinds.flatMap(\.fields).sorted(by: { $0.name < $1.name }) {
            guard seen.insert("\(field.name)\(field.text)").inserted else { continue }
            lines.append("| `\(field.name)` | \(field.kind.rawValue) | \(field.unit ?? "") | \(field.text) |")
        }
        lines += [
            "", "## Metrics", "",
            "Each stage's are in `STATE/CLOUD/STAGE/metrics.prom`, made anew each second, with the labels `run`, `cloud` and",
            "`stage` beside those below.", "", "| metric | type | labels | what it says |", "|---|---|---|---|",
        ]
        for meter in Meter.all.sorted(by: { $0.name < $1.name }) {
            let labels = meter.labels.map { "`\($0)`" }.joined(separator: ", ")
            lines.append("| `\(meter.name)` | \(meter.kind.rawValue) | \(labels) | \(meter.text) |")
        }
        return lines.joined(separator: "\n") + "\n"
    }
}
