package import Federation

/// Makes spans of events: each round is one trace, with a span for it as a whole, below that one for each stage's part, and
/// below those the phases that events give the lengths of.
///
/// A phase needs its event alone. A stage's part is known when the stage is two rounds further, or when `finish` is called: what was begun before this value was made is missing from it.
package struct RoundSpans: Sendable {
    private struct Part {
        var trace: TraceContext
        var round: RoundNumber
        var first: UInt64
        var last: UInt64

        mutating func take(from begun: UInt64, to end: UInt64) {
            first = min(first, begun)
            last = max(last, end)
        }
    }

    private var parts: [StageName: [Part]] = [:]
    /// The trace that a stage's events outside of rounds belong to.
    private var outside: [StageName: (epoch: UInt64, trace: TraceContext)] = [:]

    package init() {}

    /// The spans that this event completes.
    package mutating func spans(of event: Event) -> [OTLPFormat.Span] {
        var spans: [OTLPFormat.Span] = []
        add(event, to: &spans)
        return spans
    }

    /// Adds the spans that this event completes.
    package mutating func add(_ event: Event, to spans: inout [OTLPFormat.Span]) {
        let phases = Catalogue.kind(event.name)?.phases ?? []
        var end = event.time
        for phase in phases.reversed() {
            guard let length = event.fields[phase.length]?.quantity, length >= 0, length < 1e9 else { continue }
            let start = end - min(end, UInt64(length * 1e9))
            let name = "\(event.stage) \(event.epoch) \(event.sequence) \(phase.name.rawValue)"
            spans.append(
                OTLPFormat.Span(
                    trace: event.trace.trace, span: event.trace.span(named: name), parent: event.trace.span,
                    name: phase.name.rawValue, start: start, end: end,
                    attributes: [("round", .round(event.round)), ("event", .text(event.name))]))
            end = start
        }
        if event.name == EventKind.roundReleased.name, let length = event.fields[.seconds]?.quantity, length >= 0,
            length < 1e9
        {
            spans.append(
                OTLPFormat.Span(
                    trace: event.trace.trace, span: event.trace.span(named: Self.whole), parent: nil,
                    name: "round \(event.round.value)", start: event.time - min(event.time, UInt64(length * 1e9)),
                    end: event.time, attributes: [("round", .round(event.round))]))
        }
        if let part = takePart(event, since: end) { spans.append(part) }
    }

    /// Adds an event to its stage's part of its round; the part that is thereby known to be over.
    private mutating func takePart(_ event: Event, since begun: UInt64) -> OTLPFormat.Span? {
        if outside[event.stage]?.epoch != event.epoch {
            let trace = TraceContext(run: event.run, stage: event.stage, epoch: event.epoch)
            outside[event.stage] = (event.epoch, trace)
        }
        guard event.round > RoundNumber(0), event.trace != outside[event.stage]?.trace else { return nil }
        let known = parts[event.stage]?.firstIndex { $0.trace == event.trace }
        if let index = known {
            parts[event.stage]?[index].take(from: begun, to: event.time)
            return nil
        }
        parts[event.stage, default: []].append(
            Part(trace: event.trace, round: event.round, first: begun, last: event.time))
        // Something may yet be told of the round before: two are kept.
        guard let count = parts[event.stage]?.count, count > 2 else { return nil }
        return (parts[event.stage]?.removeFirst()).map { Self.span(of: $0, event.stage) }
    }

    /// What stages have begun and not gone on from.
    package mutating func finish() -> [(stage: StageName, span: OTLPFormat.Span)] {
        defer { parts = [:] }
        return parts.sorted { $0.key < $1.key }.flatMap { stage, parts in
            parts.map { (stage, Self.span(of: $0, stage)) }
        }
    }

    static let whole = "round"

    private static func span(of part: Part, _ stage: StageName) -> OTLPFormat.Span {
        OTLPFormat.Span(
            trace: part.trace.trace, span: part.trace.span, parent: part.trace.span(named: whole),
            name: stage.role.description, start: part.first, end: part.last, attributes: [("round", .round(part.round))]
        )
    }
}
