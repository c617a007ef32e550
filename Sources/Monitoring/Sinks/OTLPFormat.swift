package import Federation

/// Events, metrics and spans as OpenTelemetry's protocol has them (opentelemetry-proto 1.x, binary). The numbers of the fields
/// are those of its .proto files.
package enum OTLPFormat {
    /// The stage that something is about, as OpenTelemetry's semantic conventions name a service.
    package struct Resource: Sendable, Hashable {
        package let federation: String
        package let run: String
        package let stage: StageName

        package init(federation: String, run: String, stage: StageName) {
            self.federation = federation
            self.run = run
            self.stage = stage
        }
    }

    // MARK: Logs

    /// An ExportLogsServiceRequest; `groups` are stages with those of their events that could be read.
    package static func logs(_ groups: [(resource: Resource, events: [SpooledEvent])], observed: UInt64) -> [UInt8] {
        var writer = ProtobufWriter(capacity: groups.reduce(0) { $0 + $1.events.count } * 512)
        for group in groups {
            writer.message(1) { resourceLogs in
                resourceLogs.message(1) { $0.resource(group.resource) }
                resourceLogs.message(2) { scopeLogs in
                    scopeLogs.message(1) { $0.scope() }
                    for spooled in group.events {
                        guard let event = spooled.event else { continue }
                        scopeLogs.message(2) { $0.record(event, observed: observed) }
                    }
                }
            }
        }
        return writer.bytes
    }

    // MARK: Traces

    /// A part of a round's time at one stage.
    package struct Span: Sendable, Equatable {
        package let trace: [UInt8]
        package let span: [UInt8]
        /// Nil for the round as a whole.
        package let parent: [UInt8]?
        package let name: String
        package let start: UInt64
        package let end: UInt64
        package let attributes: [(name: String, value: EventValue)]

        package static func == (left: Span, right: Span) -> Bool {
            left.trace == right.trace && left.span == right.span && left.parent == right.parent
                && left.name == right.name && left.start == right.start && left.end == right.end
        }
    }

    /// An ExportTraceServiceRequest.
    package static func traces(_ groups: [(resource: Resource, spans: [Span])]) -> [UInt8] {
        var writer = ProtobufWriter()
        for group in groups {
            writer.message(1) { resourceSpans in
                resourceSpans.message(1) { $0.resource(group.resource) }
                resourceSpans.message(2) { scopeSpans in
                    scopeSpans.message(1) { $0.scope() }
                    for span in group.spans { scopeSpans.message(2) { $0.span(span) } }
                }
            }
        }
        return writer.bytes
    }

    // MARK: Metrics

    /// An ExportMetricsServiceRequest over counts since `start`, both in nanoseconds since 1970.
    package static func metrics(
        _ groups: [(resource: Resource, readings: [Meters.Series: Meters.Reading])], start: UInt64, now: UInt64
    ) -> [UInt8] {
        var writer = ProtobufWriter()
        for group in groups {
            writer.message(1) { resourceMetrics in
                resourceMetrics.message(1) { $0.resource(group.resource) }
                resourceMetrics.message(2) { scopeMetrics in
                    scopeMetrics.message(1) { $0.scope() }
                    let families = Dictionary(grouping: group.readings) { $0.key.meter }
                    for (meter, series) in families.sorted(by: { $0.key.name < $1.key.name }) {
                        let points = series.sorted { $0.key.labels.lexicographicallyPrecedes($1.key.labels) }
                            .map { (labels: $0.key.labels, reading: $0.value) }
                        scopeMetrics.message(2) { $0.metric(meter, points, start: start, now: now) }
                    }
                }
            }
        }
        return writer.bytes
    }

    /// What a collector did not take of a request, and why, by the answer's body (`partial_success`).
    package static func rejected(_ answer: [UInt8]) -> (count: Int, reason: String) {
        var result = (count: 0, reason: "")
        var outer = ProtobufReader(answer[...])
        while let field = outer.next() {
            guard field.number == 1 else { continue }
            var inner = ProtobufReader(field.bytes)
            while let field = inner.next() {
                if field.number == 1 { result.count = Int(clamping: field.varint) }
                if field.number == 2 { result.reason = String(decoding: field.bytes.prefix(300), as: UTF8.self) }
            }
        }
        return result
    }
}

extension ProtobufWriter {
    fileprivate mutating func resource(_ resource: OTLPFormat.Resource) {
        attribute(1, "service.name", .text("tributary-\(resource.stage.kind.rawValue)"))
        attribute(1, "service.namespace", .text(resource.federation))
        attribute(1, "service.instance.id", .text("\(resource.stage)"))
        attribute(1, "tributary.run", .text(resource.run))
        attribute(1, "tributary.cloud", .text("\(resource.stage.cloud)"))
        attribute(1, "tributary.stage", .text(resource.stage.role.description))
    }

    fileprivate mutating func scope() {
        text(1, "tributary")
        text(2, "\(Event.version)")
    }

    /// A KeyValue.
    private mutating func attribute(_ field: UInt64, _ name: String, _ value: EventValue) {
        message(field) { pair in
            pair.text(1, name)
            pair.message(2) { $0.any(value) }
        }
    }

    private mutating func any(_ value: EventValue) {
        switch value {
        case .text(let text): self.text(1, text)
        case .flag(let flag): varint(2, flag ? 1 : 0)
        case .number(let number): varint(3, UInt64(bitPattern: Int64(number)))
        case .real(let number): double(4, number)
        case .list(let values):
            message(5) { array in
                for value in values { array.message(1) { $0.any(value) } }
            }
        }
    }

    /// A LogRecord.
    fileprivate mutating func record(_ event: Event, observed: UInt64) {
        fixed64(1, event.time)
        varint(2, event.level.otlpSeverity)
        text(3, event.level.rawValue)
        message(5) { body in
            body.text(1) { $0.append(summaryOf: event, cutting: EventLine.maximumText) }
        }
        attribute(6, "epoch", .number(Int(clamping: event.epoch)))
        attribute(6, "sequence", .number(Int(clamping: event.sequence)))
        attribute(6, "round", .round(event.round))
        for (field, value) in event.fields.pairs { attribute(6, field.name, value) }
        fixed32(8, 1)
        bytes(9, event.trace.trace)
        bytes(10, event.trace.span)
        fixed64(11, observed)
        text(12, event.name)
    }

    fileprivate mutating func span(_ span: OTLPFormat.Span) {
        bytes(1, span.trace)
        bytes(2, span.span)
        if let parent = span.parent { bytes(4, parent) }
        text(5, span.name)
        varint(6, 1)  // SPAN_KIND_INTERNAL
        fixed64(7, span.start)
        fixed64(8, span.end)
        for (name, value) in span.attributes { attribute(9, name, value) }
    }

    fileprivate mutating func metric(
        _ meter: Meter, _ points: [(labels: [String], reading: Meters.Reading)], start: UInt64, now: UInt64
    ) {
        text(1, meter.name)
        text(2, meter.text)
        if let unit = meter.unit { text(3, unit) }
        func labels(_ writer: inout ProtobufWriter, _ field: UInt64, _ values: [String]) {
            for (name, value) in zip(meter.labels, values) { writer.attribute(field, name, .text(value)) }
        }
        func number(_ writer: inout ProtobufWriter, _ point: (labels: [String], reading: Meters.Reading)) {
            guard case .value(let value) = point.reading else { return }
            writer.message(1) { data in
                if meter.kind == .counter { data.fixed64(2, start) }
                data.fixed64(3, now)
                data.double(4, value)
                labels(&data, 7, point.labels)
            }
        }
        switch meter.kind {
        case .gauge:
            message(5) { gauge in
                for point in points { number(&gauge, point) }
            }
        case .counter:
            message(7) { sum in
                for point in points { number(&sum, point) }
                sum.varint(2, 2)  // AGGREGATION_TEMPORALITY_CUMULATIVE
                sum.varint(3, 1)
            }
        case .histogram:
            message(9) { histogram in
                for point in points {
                    guard case .histogram(let reading) = point.reading else { continue }
                    histogram.message(1) { data in
                        data.fixed64(2, start)
                        data.fixed64(3, now)
                        data.fixed64(4, reading.counts.reduce(0, +))
                        data.double(5, reading.sum)
                        data.packed(6, reading.counts)
                        data.packed(7, Meters.bounds.map(\.bitPattern))
                        labels(&data, 9, point.labels)
                    }
                }
                histogram.varint(2, 2)
            }
        }
    }
}

extension EventLevel {
    /// OpenTelemetry's SeverityNumber: the first of each range.
    fileprivate var otlpSeverity: UInt64 {
        switch self {
        case .debug: 5
        case .info: 9
        case .warning: 13
        case .error: 17
        }
    }
}

extension Meter {
    /// By UCUM, as OpenTelemetry asks; the metric's name ends with it.
    fileprivate var unit: String? {
        let stem = name.hasSuffix("_total") ? String(name.dropLast("_total".count)) : name
        if stem.hasSuffix("_per_second") { return nil }
        if stem.hasSuffix("_seconds") { return "s" }
        return stem.hasSuffix("_bytes") ? "By" : nil
    }
}
