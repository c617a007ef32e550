/// One entry of the catalogue: what logs, metrics, traces and docs/events.md derive from.
package struct EventKind: Sendable {
    /// Stable: collectors match on it.
    package let name: String
    package let level: EventLevel
    /// When it is told, as docs/events.md prints it.
    package let when: String
    package let fields: [EventField]
    /// What the times in it were spent on, in that order: the last ended when the event was told.
    package let phases: [RoundPhase]
    /// What is counted with it, beside the event itself.
    package let meters: [MeterRule]
    /// Whether it belongs in the stage's audit trail, whatever is logged.
    package let isAudited: Bool

    package init(
        _ name: String, _ level: EventLevel, _ when: String, _ fields: [EventField] = [], phases: [RoundPhase] = [],
        meters: [MeterRule] = [], isAudited: Bool = false
    ) {
        self.name = name
        self.level = level
        self.when = when
        self.fields = fields
        self.phases = phases
        self.meters = meters
        self.isAudited = isAudited
    }
}

/// What the time of a round is spent on: a span of its trace, and a label of `tributary_phase_seconds`.
package struct RoundPhase: Sendable {
    package enum Name: String, Sendable, CaseIterable {
        case read, train, sensitivity, score, quantise, seal, gather, add, check, share, open, evaluate, publish, round
    }

    package let name: Name
    /// The field that holds its length.
    package let length: EventField

    package init(_ name: Name, _ length: EventField) {
        self.name = name
        self.length = length
    }
}
