package import Federation

// Stages that fail for good, or again and again, once all have been ready: one bad stage does not take its host down. Before that
// everything is stopped, so that a wrong config ends `up` with an error and not with half a host.
extension Supervision {
    /// Why a stage does not run while the others do.
    package struct Failure: Hashable, Sendable {
        package let end: ProcessEnd
        /// Ends in a row; nil of one that another start would not mend.
        package let count: Int?
        package let since: Duration
        /// How long it rests between two starts.
        package let rest: Duration

        package var text: String {
            guard let count else { return "it ended with \(end)\(end.meaning), which another start does not mend" }
            return
                "it ended \(count) times in a row, last with \(end)\(end.meaning), and is tried again every \(rest.words)"
        }

        package func remedy(for stage: StageName) -> String {
            let name = "\(stage.role)@\(stage.cloud)"
            return "mend what its last words say (`tributary logs \(name)`); `tributary swap \(name)` then starts it"
                + (count == nil ? "" : " at once")
        }
    }

    /// publish's word that the run has failed is for all of them; of another stage the same status is its own affair.
    func endsRun(_ stage: StageName, _ end: ProcessEnd) -> Bool { stage.kind == .publish && end == .exit(1) }

    mutating func park(_ index: Int, _ end: ProcessEnd, at now: Duration) -> [Action] {
        children[index].phase = .ended(end)
        children[index].failure = Failure(end: end, count: nil, since: now, rest: policy.rest)
        return [.show(.parked(children[index].stage, end))]
    }

    mutating func rest(_ index: Int, _ end: ProcessEnd, count: Int, at now: Duration) -> [Action] {
        let since = children[index].failure?.since ?? now
        children[index].phase = .backingOff(until: now + policy.rest)
        children[index].failure = Failure(end: end, count: count, since: since, rest: policy.rest)
        return [.show(.resting(children[index].stage, end, count: count, wait: policy.rest))]
    }

    /// Stages that did not see the end of a run that others saw, as they had failed before.
    var parkedAtEnd: [StageName] {
        guard !isStopping, runIsOver else { return [] }
        return children.filter { $0.failure != nil }.map(\.stage)
    }

    /// Some stage has left because the run is over.
    private var runIsOver: Bool { children.contains { $0.hasHeardEnd && $0.phase == .ended(.exit(0)) } }

    /// Where none is left to supervise: what the first of those that have failed has ended with.
    var parkedStatus: Int32 {
        guard !isStopping, !runIsOver else { return 0 }
        let first = children.compactMap(\.failure).min { $0.since < $1.since }
        guard case .exit(let status)? = first?.end else { return first == nil ? 0 : 5 }
        return status
    }
}

extension Duration {
    /// `5 min`, `90 s`
    fileprivate var words: String {
        let seconds = components.seconds
        return seconds >= 60 && seconds % 60 == 0 ? "\(seconds / 60) min" : "\(seconds) s"
    }
}
