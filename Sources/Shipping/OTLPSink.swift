internal import Federation
internal import Glibc
internal import Monitoring

/// An OpenTelemetry collector over OTLP/HTTP, binary. Logs and spans go when they come; what stages have counted, every ten
/// seconds.
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
    /// Where each stage leaves what it counts, as Prometheus reads it.
    private let metrics: [(stage: StageName, path: String)]
    private var lastMetrics = ContinuousClock.now

    init(_ target: OTLPTarget, federation: String, metrics: [(stage: StageName, path: String)]) {
        self.target = target
        self.federation = federation
        self.metrics = metrics
        client = HTTPClient(host: target.host, port: target.port)
    }

    private func resource(_ event: Event) -> OTLPFormat.Resource {
        OTLPFormat.Resource(federation: federation, run: event.run.description, stage: event.stage)
    }

    func deliver(_ entries: [SpooledEvent]) throws -> Receipt {
        var groups: [(resource: OTLPFormat.Resource, events: [SpooledEvent])] = []
        var count = 0
        for entry in entries {
            guard let event = entry.event else { continue }
            count += 1
            let index = groups.firstIndex {
                $0.resource.stage == event.stage && $0.resource.run == event.run.description
            }
            if let index { groups[index].events.append(entry) } else { groups.append((resource(event), [entry])) }
        }
        var receipt = Receipt()
        if target.signals.contains(.logs) {
            receipt = try post(
                "logs", OTLPFormat.logs(groups, observed: Timestamp.nanoseconds()), holding: count)
        }
        // From here on a failure sends the logs again too; what was counted stays as it was.
        var spans = self.spans
        if target.signals.contains(.traces) {
            var made: [(resource: OTLPFormat.Resource, spans: [OTLPFormat.Span])] = []
            for group in groups {
                var own: [OTLPFormat.Span] = []
                for entry in group.events {
                    if let event = entry.event { spans.add(event, to: &own) }
                }
                if !own.isEmpty { made.append((group.resource, own)) }
            }
            try send(made)
        }
        self.spans = spans
        run = groups.last?.resource.run ?? run
        return receipt
    }

    private func send(_ groups: [(resource: OTLPFormat.Resource, spans: [OTLPFormat.Span])]) throws {
        guard !groups.isEmpty else { return }
        _ = try post("traces", OTLPFormat.traces(groups), holding: groups.reduce(0) { $0 + $1.spans.count })
    }

    private func sendMetrics() throws {
        lastMetrics = ContinuousClock.now
        for (stage, path) in metrics {
            guard let text = Self.text(path) else { continue }
            let reading = ExpositionReading(text)
            guard !reading.readings.isEmpty else { continue }
            // Counts begin anew with the process.
            var started = Timestamp.nanoseconds()
            if case .value(let seconds)? = reading.readings[Meters.Series(.processStart)], seconds > 0, seconds < 1e10 {
                started = UInt64(seconds * 1e9)
            }
            let resource = OTLPFormat.Resource(federation: federation, run: reading.run, stage: stage)
            _ = try post(
                "metrics",
                OTLPFormat.metrics(
                    [(resource, reading.readings)], start: started, now: Timestamp.nanoseconds()),
                holding: reading.readings.count)
        }
    }

    /// Nil for what is not there: a stage that has yet to begin.
    private static func text(_ path: String) -> String? {
        let file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while bytes.count < ExpositionReading.maximumBytes {
            let count = read(file, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            bytes += buffer[..<count]
        }
        return String(validating: bytes, as: UTF8.self)
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
