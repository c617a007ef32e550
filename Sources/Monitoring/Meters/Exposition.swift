/// Metrics of one stage or of several as Prometheus reads them: text exposition format 0.0.4.
package struct Exposition {
    package static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    private var families: [String: (meter: Meter, lines: [String])] = [:]

    package init() {}

    /// - Parameter labels: what says whose readings they are: cloud, stage, run.
    package mutating func add(_ readings: [Meters.Series: Meters.Reading], labels: [(name: String, value: String)]) {
        for (series, reading) in readings {
            let own = Array(zip(series.meter.labels, series.labels)).map { (name: $0.0, value: $0.1) }
            let lines = Self.lines(series.meter.name, labels + own, reading)
            families[series.meter.name, default: (series.meter, [])].lines += lines
        }
    }

    package var text: String {
        var text = ""
        for (name, family) in families.sorted(by: { $0.key < $1.key }) {
            text += "# HELP \(name) \(Self.escaped(family.meter.text, quotes: false))\n"
            text += "# TYPE \(name) \(family.meter.kind.rawValue)\n"
            // A histogram's buckets must stay in their order; the lines of one series are one entry each.
            for line in family.lines.sorted() { text += line }
        }
        return text
    }

    /// One entry for a series: a histogram's is several lines.
    private static func lines(
        _ name: String, _ labels: [(name: String, value: String)], _ reading: Meters.Reading
    ) -> [String] {
        switch reading {
        case .value(let value): return ["\(name)\(shown(labels)) \(number(value))\n"]
        case .histogram(let histogram):
            var entry = ""
            var total: UInt64 = 0
            for (bound, count) in zip(Meters.bounds, histogram.counts) {
                total += count
                entry += "\(name)_bucket\(shown(labels + [("le", number(bound))])) \(total)\n"
            }
            total += histogram.counts.last ?? 0
            entry += "\(name)_bucket\(shown(labels + [("le", "+Inf")])) \(total)\n"
            entry += "\(name)_sum\(shown(labels)) \(number(histogram.sum))\n"
            entry += "\(name)_count\(shown(labels)) \(total)\n"
            return [entry]
        }
    }

    private static func shown(_ labels: [(name: String, value: String)]) -> String {
        guard !labels.isEmpty else { return "" }
        return "{" + labels.map { "\($0.name)=\"\(escaped($0.value, quotes: true))\"" }.joined(separator: ",") + "}"
    }

    private static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value > 0 ? "+Inf" : "-Inf" }
        if value.rounded() == value, abs(value) < 0x1p53 { return "\(Int(value))" }
        return "\(value)"
    }

    private static func escaped(_ text: String, quotes: Bool) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\"" where quotes: result += "\\\""
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}
