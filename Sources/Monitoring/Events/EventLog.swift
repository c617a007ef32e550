package import Federation
internal import Glibc
package import Sodium
internal import Synchronization

/// Where a stage tells its events: counted, kept in its spool, written as JSON lines to standard error, and handed to whoever
/// follows. Never a record, a token, a value of an update or a key is in one. Any thread may tell.
package final class EventLog: Sendable {
    private struct State {
        var epoch: UInt64 = 0
        var sequence: UInt64 = 0
        var round = RoundNumber(0)
        var outside: TraceContext
        /// Of the newest rounds.
        var traces: [RoundNumber: TraceContext] = [:]
        var spool: SpoolWriter?
        var trail: AuditTrail?
    }

    package let stage: StageName
    package let run: RunName
    package let meters = Meters()
    private let level: EventLevel
    private let write: @Sendable ([UInt8]) -> Void
    private let state: Mutex<State>
    private let follower = Mutex<(@Sendable ([UInt8]) -> Void)?>(nil)

    /// - Parameter write: takes each line with its end; standard error does if nobody else.
    package init(
        stage: StageName, run: RunName, level: EventLevel,
        write: @escaping @Sendable ([UInt8]) -> Void = writeToStandardError
    ) {
        self.stage = stage
        self.run = run
        self.level = level
        self.write = write
        state = Mutex(State(outside: TraceContext(run: run, stage: stage, epoch: 0)))
    }

    /// From here on events are of this epoch, and are kept; those that an auditor asks about in the trail too.
    package func begin(epoch: UInt64, spool: SpoolWriter? = nil, trail: AuditTrail? = nil) {
        let outside = TraceContext(run: run, stage: stage, epoch: epoch)
        state.withLock { state in
            state.epoch = epoch
            state.sequence = 0
            state.outside = outside
            state.spool = spool
            state.trail = trail
        }
        meters.set(.epoch, to: Double(epoch))
    }

    /// Events of this round belong to the trace that its opening names.
    package func enter(_ round: RoundNumber, opening: Digest) {
        let trace = TraceContext(opening: opening, stage: stage)
        let newest = state.withLock { state in
            state.traces[round] = trace
            if state.traces.count > 8, let oldest = state.traces.keys.min() { state.traces[oldest] = nil }
            state.round = max(state.round, round)
            return state.round
        }
        meters.set(.round, to: Double(newest.value))
    }

    /// Hands every line to somebody else too; nil ends that.
    package func follow(_ body: (@Sendable ([UInt8]) -> Void)?) { follower.withLock { $0 = body } }

    /// - Parameter round: what it belongs to; without one, to the newest round that the stage knows of.
    package func tell(_ kind: EventKind, round: RoundNumber? = nil, _ fields: EventFields = [:]) {
        meters.count(kind, fields)
        guard kind.level >= level || kind.isAudited else { return }
        let isLogged = kind.level >= level
        let (line, isKept, isAudited) = state.withLock { state in
            // Numbers are of what collectors get: what the trail alone keeps has that of the event before it.
            if isLogged { state.sequence += 1 }
            if let round { state.round = max(state.round, round) }
            let about = round ?? state.round
            let event = Event(
                time: Timestamp.nanoseconds(), level: kind.level, name: kind.name, run: run, stage: stage,
                epoch: state.epoch, sequence: state.sequence, round: about, trace: state.traces[about] ?? state.outside,
                fields: fields)
            let line = EventLine.bytes(event)
            if isLogged { write(line) }
            return (
                line, isLogged ? state.spool?.append(line) ?? true : true,
                kind.isAudited ? state.trail?.append(line) ?? true : true
            )
        }
        if !isKept { meters.add(to: .eventsDropped, ["spool"]) }
        if !isAudited { meters.add(to: .eventsDropped, ["audit"]) }
        guard isLogged else { return }
        follower.withLock { $0 }?(line)
    }
}

/// Writes a line with one write(2), so that lines of several threads do not mix.
@Sendable
package func writeToStandardError(_ line: [UInt8]) {
    line.withUnsafeBytes { bytes in
        var written = 0
        while written < bytes.count {
            let result = Glibc.write(2, bytes.baseAddress?.advanced(by: written), bytes.count - written)
            if result < 0 {
                if errno == EINTR { continue }
                return  // nobody reads standard error any more: the stage goes on without
            }
            written += result
        }
    }
}
