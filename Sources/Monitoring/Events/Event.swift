package import Federation

/// Something that a stage told: what, when, who, about which round, and what else there is to know of it.
package struct Event: Sendable, Equatable {
    /// The catalogue's version; a field or an event may come to be without a new one, none may change or go.
    package static let version = 1

    /// Nanoseconds since 1970, UTC.
    package let time: UInt64
    package let level: EventLevel
    package let name: String
    package let run: RunName
    package let stage: StageName
    /// The instance of the stage: one more at each start.
    package let epoch: UInt64
    /// Counted from 1 in each epoch: a gap means that events were lost. One below the log level, which the audit trail alone keeps,
    /// has the number of the event before it.
    package let sequence: UInt64
    /// The round that it belongs to, or else the newest that the stage knew of; 0 before the first.
    package let round: RoundNumber
    package let trace: TraceContext
    package let fields: EventFields

    package init(
        time: UInt64, level: EventLevel, name: String, run: RunName, stage: StageName, epoch: UInt64, sequence: UInt64,
        round: RoundNumber, trace: TraceContext, fields: EventFields
    ) {
        self.time = time
        self.level = level
        self.name = name
        self.run = run
        self.stage = stage
        self.epoch = epoch
        self.sequence = sequence
        self.round = round
        self.trace = trace
        self.fields = fields
    }
}
