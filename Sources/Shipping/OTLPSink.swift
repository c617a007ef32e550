internal import Federation
internal import Monitoring

/// An OpenTelemetry collector over OTLP/HTTP, binary. Logs and spans go when they come; metrics, which are counted from the
/// events, every ten seconds.
final class OTLPSink: Sink {
    let takesEvents = true
    let settlesAfter = Duration.zero
    private static let type = "application/x-protobuf"
    private static let metricsEvery = Duration.seconds(10)

    private let target: OTLPTarget
    private let federation: String
    private let client: HTTPClient
    private var spans = RoundSpans()
    private var run = ""
    private var meters: [OTLPFormat.Resource: Meters] = [:]
    private let started = Timestamp.nanoseconds()
    private var lastMetrics = ContinuousClock.now

    init(_ target: OTLPTarget, federation: String) {
        self.target = target
        self.federation = federation
        client = HTTPClient(host: target.host, port: target.port)
    }

    private func resource(_ event: Event) -> OTLPFormat.Resource {
        OTLPFormat.Resource(federation: federation, run: event.run.description, stage: event.stage)
    }

    func deliver(_ entries: [Entry]) throws -> Receipt {
        let events = entries.compactMap(\.event)
        var groups: [(resource: OTLPFormat.Resource, events: [Event])] = []
        for event in events {
            let resource = resource(event)
            if let index = groups.firstIndex(where: { $0.resource == resource }) {
                groups[index].events.append(event)
            } else {
                groups.append((resource, [event]))
            }
        }
        var receipt = Receipt()
        if target.signals.contains(.logs) {
            receipt = try post(
                "logs", OTLPFormat.logs(groups, observed: Timestamp.nanoseconds()), holding: events.count)
        }
        // From here on a failure sends the logs again too; what was counted stays as it was.
        var spans = self.spans
        if target.signals.contains(.traces) {
            let made = groups.map { (resource: $0.resource, spans: $0.events.flatMap { spans.spans(of: $0) }) }
            try send(made.filter { !$0.spans.isEmpty })
        }
        self.spans = spans
        run = events.last?.run.description ?? run
        if target.signals.contains(.metrics) {
            for (resource, events) in groups { count(events, of: resource) }
        }
        return receipt
    }

    private func count(_ events: [Event], of resource: OTLPFormat.Resource) {
        let meters = self.meters[resource] ?? Meters()
        self.meters[resource] = meters
        for event in events {
            guard let kind = Catalogue.kind(event.name) else { continue }
            meters.count(kind, event.fields)
            meters.set(.epoch, to: Double(event.epoch))
            meters.set(.round, to: Double(event.round.value))
        }
    }

    private func send(_ groups: [(resource: OTLPFormat.Resource, spans: [OTLPFormat.Span])]) throws {
        guard !groups.isEmpty else { return }
        _ = try post("traces", OTLPFormat.traces(groups), holding: groups.reduce(0) { $0 + $1.spans.count })
    }

    private func sendMetrics() throws {
        lastMetrics = ContinuousClock.now
        guard !meters.isEmpty else { return }
        let groups = meters.map { (resource: $0.key, readings: $0.value.readings()) }
        _ = try post(
            "metrics", OTLPFormat.metrics(groups, start: started, now: Timestamp.nanoseconds()), holding: groups.count)
    }

    /// The OTLP specification, "OTLP/HTTP Response".
    private func post(_ signal: String, _ body: [UInt8], holding count: Int) throws -> Receipt {
        let path = "\(target.prefix)/v1/\(signal)"
        let answer = try client.post(path, Self.type, body)
        switch answer.status {
        case 200..<300:
            let rejected = OTLPFormat.rejected(answer.body)
            return Receipt(refused: min(rejected.count, count), reason: rejected.reason)
        case 400, 413, 422:
            // It says that it will never have these: they must not be sent again, nor hold up the others.
            return Receipt(refused: count, reason: "\(path): HTTP status \(answer.status)")
        default:
            let wait = answer.retryAfter.map { "; it asks for \($0.components.seconds) s" } ?? ""
            throw SinkFault("\(target.host):\(target.port)\(path): HTTP status \(answer.status)\(wait)")
        }
    }

    func check() throws {
        guard target.signals.contains(.metrics), ContinuousClock.now - lastMetrics > Self.metricsEvery else { return }
        try sendMetrics()
    }

    func finish() throws {
        if target.signals.contains(.traces) {
            let open = spans.finish()
            let groups = Dictionary(grouping: open) { $0.stage }.sorted { $0.key < $1.key }
            try send(
                groups.map { stage, spans in
                    (OTLPFormat.Resource(federation: federation, run: run, stage: stage), spans.map(\.span))
                })
        }
        if target.signals.contains(.metrics) { try sendMetrics() }
    }
}
