/// What a stage counts, read back from the text that `Exposition` made of it.
package struct ExpositionReading: Sendable {
    package private(set) var readings: [Meters.Series: Meters.Reading] = [:]
    /// The run that the lines are labelled with.
    package private(set) var run = ""

    /// Longer texts are none of a stage's.
    package static let maximumBytes = 4 << 20

    /// Reads what it knows; a line that is no metric of the catalogue's is left out, and so is a label that the metric has not:
    /// those of the stage.
    package init(_ text: String) {
        for line in text.split(separator: "\n") where !line.hasPrefix("#") {
            let head = line.prefix { $0 != "{" && $0 != " " }
            guard let (labels, value) = Self.rest(line[head.endIndex...]) else { continue }
            if let run = labels["run"] { self.run = run }
            if let meter = Meter.named(String(head)) {
                guard meter.kind != .histogram else { continue }
                readings[Self.series(meter, labels)] = .value(value)
            } else if let (meter, part) = Self.histogram(head) {
                let series = Self.series(meter, labels)
                var histogram = Meters.Histogram()
                if case .histogram(let known)? = readings[series] { histogram = known }
                histogram.take(part, labels["le"], value)
                readings[series] = .histogram(histogram)
            }
        }
        for case (let series, .histogram(let histogram)) in readings {
            readings[series] = .histogram(histogram.apart)
        }
    }

    private static func series(_ meter: Meter, _ labels: [String: String]) -> Meters.Series {
        Meters.Series(meter, meter.labels.map { labels[$0] ?? "" })
    }

    private static func histogram(_ name: Substring) -> (Meter, String)? {
        for part in ["_bucket", "_sum"] where name.hasSuffix(part) {
            if let meter = Meter.named(String(name.dropLast(part.count))), meter.kind == .histogram {
                return (meter, part)
            }
        }
        return nil
    }

    /// `{name="value",...} number`, or the number alone.
    private static func rest(_ text: Substring) -> (labels: [String: String], value: Double)? {
        var labels: [String: String] = [:]
        var rest = text
        if rest.first == "{" {
            rest = rest.dropFirst()
            while let first = rest.first, first != "}" {
                let name = rest.prefix { $0 != "=" }
                rest = rest[name.endIndex...].dropFirst()
                guard rest.popFirst() == "\"" else { return nil }
                var value = ""
                while let character = rest.popFirst(), character != "\"" {
                    guard character == "\\" else {
                        value.append(character)
                        continue
                    }
                    guard let escaped = rest.popFirst() else { return nil }
                    value.append(escaped == "n" ? "\n" : escaped)
                }
                labels[String(name)] = value
                if rest.first == "," { rest = rest.dropFirst() }
            }
            guard rest.popFirst() == "}" else { return nil }
        }
        let number = rest.drop { $0 == " " }
        if number == "+Inf" { return (labels, .infinity) }
        if number == "-Inf" { return (labels, -.infinity) }
        return Double(number).map { (labels, $0) }
    }
}

extension Meters.Histogram {
    /// Buckets are cumulative as they are read.
    fileprivate mutating func take(_ part: String, _ bound: String?, _ value: Double) {
        guard part == "_bucket" else {
            self = Meters.Histogram(counts: counts, sum: value)
            return
        }
        guard value >= 0, value < 0x1p53, let bound else { return }
        let index = bound == "+Inf" ? Meters.bounds.count : Meters.bounds.firstIndex { Double(bound) == $0 }
        guard let index else { return }
        var counts = counts
        counts[index] = UInt64(value)
        self = Meters.Histogram(counts: counts, sum: sum)
    }

    /// With each bucket's own count.
    fileprivate var apart: Meters.Histogram {
        var before: UInt64 = 0
        let own = counts.map { total in
            defer { before = max(before, total) }
            return total - min(before, total)
        }
        return Meters.Histogram(counts: own, sum: sum)
    }
}
