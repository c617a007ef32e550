package import Federation
package import Monitoring

/// A round as one trace over all clouds: publish's span over the whole, under it each stage's part, and under those its phases.
package struct RoundTrace: Sendable, Equatable {
    package struct Span: Sendable, Equatable {
        /// 8 bytes.
        package let id: [UInt8]
        package let parent: [UInt8]?
        package let stage: StageName
        /// `round`, the stage's kind, or a phase.
        package let name: String
        package let phase: RoundPhase.Name?
        /// Nanoseconds since 1970.
        package let start: UInt64
        package let end: UInt64
        /// 0 for the round, 1 for a stage, 2 for a phase.
        package let depth: Int
    }

    /// Events of a round beyond these are left out.
    package static let maximumEvents = 20_000

    package let federation: String
    package let run: RunName
    package let round: RoundView
    /// 16 bytes.
    package let trace: [UInt8]
    /// The round first; then stages in the order of the plan, each before its phases, those in the order of their beginnings.
    package let spans: [Span]
    /// Those of the round, the oldest first.
    package let events: [Event]
    /// Whether publish's own events are here; without them the round begins and ends with what this host has heard.
    package let hasPublisher: Bool

    package struct Absent: Error, Equatable, CustomStringConvertible {
        package let description: String
    }

    /// - Parameter events: of all stages at hand, in any order; those of other rounds are passed over.
    package init(_ number: UInt32, of plan: FederationPlan, events: [Event]) throws(Absent) {
        let order = Dictionary(
            plan.stages.enumerated().map { ($0.element, $0.offset) }, uniquingKeysWith: { first, _ in first })
        let own = events.filter { $0.round.value == number && $0.run == plan.run && order[$0.stage] != nil }
            .sorted { ($0.time, order[$0.stage] ?? 0, $0.sequence) < ($1.time, order[$1.stage] ?? 0, $1.sequence) }
        guard let known = own.first(where: { RoundTrace.tellsTrace.contains($0.name) }) else {
            let rounds = Set(events.map(\.round.value)).subtracting([0]).sorted()
            let there = rounds.first.flatMap { first in rounds.last.map { "; there are \(first) to \($0)" } } ?? ""
            throw Absent(description: "no events of round \(number) are kept on this host\(there)")
        }
        var view = FederationView(plan)
        for event in own.prefix(RoundTrace.maximumEvents) { view.take(event) }
        guard let round = view.round(number) else {
            throw Absent(description: "of round \(number) there is nothing that tells its course on this host")
        }
        federation = plan.federation
        run = plan.run
        self.round = round
        trace = known.trace.trace
        hasPublisher = own.contains { $0.name == EventKind.roundOpened.name }
        // A stage's later events carry the number of the newest round that it knows of.
        let last = own.last?.time ?? round.openedAt
        let end = round.endedAt ?? last
        self.events = Array(own.lazy.filter { $0.time <= end }.prefix(RoundTrace.maximumEvents))
        spans = RoundTrace.spans(round, plan, self.events, end: end, context: known.trace)
    }

    /// These are told after the opening is known, so that they are in its trace.
    private static let tellsTrace: Set<String> = [
        EventKind.roundOpened.name, EventKind.roundReleased.name, EventKind.roundAbandoned.name,
        EventKind.roundTrained.name, EventKind.roundScored.name, EventKind.contributionSealed.name,
        EventKind.contributionCounted.name, EventKind.roundClosed.name,
    ]

    private static func spans(
        _ round: RoundView, _ plan: FederationPlan, _ events: [Event], end: UInt64, context: TraceContext
    ) -> [Span] {
        let root = context.span(named: "round")
        let publisher = plan.stages(of: .publish).first ?? plan.stages.first
        guard let publisher else { return [] }
        var spans = [
            Span(
                id: root, parent: nil, stage: publisher, name: "round", phase: nil, start: round.openedAt, end: end,
                depth: 0)
        ]
        for stage in plan.stages {
            let phases = round.spans.filter { $0.stage == stage && $0.end <= end }
                .sorted { ($0.start, $0.end) < ($1.start, $1.end) }
            let times = events.lazy.filter { $0.stage == stage }.map(\.time)
            let starts = phases.map(\.start) + times
            guard let first = starts.min(), let last = (phases.map(\.end) + times).max() else { continue }
            let part = context.span(named: "\(stage)")
            spans.append(
                Span(
                    id: part, parent: root, stage: stage, name: stage.role.description, phase: nil,
                    start: first, end: last, depth: 1))
            var counts: [RoundPhase.Name: Int] = [:]
            for phase in phases {
                let number = counts[phase.phase, default: 0]
                counts[phase.phase] = number + 1
                let name = "\(stage) \(phase.phase.rawValue)" + (number > 0 ? " \(number + 1)" : "")
                spans.append(
                    Span(
                        id: context.span(named: name), parent: part, stage: stage, name: phase.phase.rawValue,
                        phase: phase.phase, start: phase.start, end: phase.end, depth: 2))
            }
        }
        return spans
    }

    /// From the first span's beginning to the last one's end.
    package var extent: (start: UInt64, end: UInt64) {
        (spans.map(\.start).min() ?? 0, spans.map(\.end).max() ?? 0)
    }
}
