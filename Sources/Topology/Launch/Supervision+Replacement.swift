internal import Federation

/// How long each part of a replacement may take.
package struct ReplacementLimits: Hashable, Sendable {
    /// From the successor's start until it stands by.
    package let standby: Duration
    /// From then until the stage has done with what it has in hand; after that it is stopped, and what it had in hand is
    /// done again by the successor.
    package let drain: Duration
    /// From the end of the one to the readiness of the other.
    package let takeover: Duration

    package init(
        standby: Duration = .seconds(120), drain: Duration = .seconds(60), takeover: Duration = .seconds(20)
    ) {
        self.standby = standby
        self.drain = drain
        self.takeover = takeover
    }
}

/// What is seen of a replacement on its way.
package enum ReplacementStep: Hashable, Sendable {
    case standingBy(after: Duration)
    /// It was stopped in the middle of something.
    case drainedByForce
    case released(after: Duration)
}

/// How a replacement ended.
package enum ReplacementResult: Hashable, Sendable {
    /// - Parameter gap: from the end of the one process to the readiness of the other.
    case done(pid: Int32, gap: Duration)
    /// The stage did not run: the new process was started without a hand-over.
    /// - Parameter after: from the wish to its readiness.
    case revived(pid: Int32, after: Duration)
    /// The stage is not one that can be replaced now.
    case refused(String)
    /// The stage's process was never disturbed.
    case failed(String)
    /// The stage did not run before, and does not now.
    case stillDown(String)
    /// The successor failed after it had taken over: the program that ran before is started again.
    case rolledBack(String)
}

/// A process that is to take the place of a stage's.
///
///     wanted -> starting -> standing by -> taking over -> (it is the stage's process)
package struct Successor: Hashable, Sendable {
    enum Phase: Hashable, Sendable {
        case wanted
        case starting(pid: Int32)
        /// The other has been asked to hand over.
        case standingBy(pid: Int32)
        /// The other has ended; this is the child's own process now.
        case takingOver(ReplacementLimits, from: Duration)
        /// It ended while it stood by, and the other has been asked to stay. The other may have let go of the state already and
        /// not have ended yet (its lock is free before wait(2) tells of it): a moment shows which of the two failed.
        case lost(ProcessEnd)
    }

    /// From the end of a successor that stood by until the other counts as having stayed.
    static let settling = Duration.seconds(1)

    var phase: Phase
    let limits: ReplacementLimits
    /// When the present phase began, and when it is given up.
    var since: Duration
    var deadline: Duration
    /// The other has been told to stop, in hand or not.
    var isForced = false
    /// It has said so before the other's end was told.
    var isReady = false
    /// The same of the run's end.
    var hasHeardEnd = false
    /// Of a stage that did not run: what it was, and when another process was wanted.
    var revival: Revival?

    struct Revival: Hashable, Sendable {
        let phase: Supervision.Phase
        let began: Duration
    }

    var pid: Int32? {
        switch phase {
        case .starting(let pid), .standingBy(let pid): pid
        case .wanted, .takingOver, .lost: nil
        }
    }
}

// How one process of a stage takes the place of another: the successor gets ready beside it, and only then is the other asked
// to let go. The lock on the stage's state is the fence: whoever holds it is the stage.
extension Supervision {
    func indexOfSuccessor(_ pid: Int32) -> Int? { children.firstIndex { $0.successor?.pid == pid } }

    mutating func replace(_ stage: StageName, _ limits: ReplacementLimits, at now: Duration) -> [Action] {
        guard let index = children.firstIndex(where: { $0.stage == stage }) else {
            return [.replaced(stage, .refused("it does not run on this host"))]
        }
        guard !isStopping else { return [.replaced(stage, .refused("everything is being stopped"))] }
        guard children[index].successor == nil else {
            return [.replaced(stage, .refused("it is being replaced already"))]
        }
        guard !children[index].hasHeardEnd else { return [.replaced(stage, .refused("the run is over"))] }
        var successor = Successor(phase: .wanted, limits: limits, since: now, deadline: now + limits.standby)
        switch children[index].phase {
        case .ready: break
        // There is nothing to take over, and nobody to wait for: it has the state at once.
        case .ended, .backingOff: successor.revival = .init(phase: children[index].phase, began: now)
        case .waiting, .starting:
            return [.replaced(stage, .refused("it is not ready just now: see `tributary ps`, then try again"))]
        }
        children[index].successor = successor
        return [.spawnSuccessor(stage)]
    }

    mutating func standBy(_ pid: Int32, at now: Duration) -> [Action] {
        guard let index = indexOfSuccessor(pid), var successor = children[index].successor,
            case .starting = successor.phase
        else { return [] }
        let stage = children[index].stage
        let time = now - successor.since
        successor.phase = .standingBy(pid: pid)
        successor.since = now
        successor.deadline = now + successor.limits.drain
        children[index].successor = successor
        let step = Action.show(.replacement(stage, .standingBy(after: time)))
        // It may have died meanwhile: then the lock is free, and the successor has it.
        guard let old = children[index].pid else { return [step] + promote(index, at: now) }
        children[index].isAskedToLeave = true
        return [step, .handOver(pid: old)]
    }

    /// The stage's process has ended while a successor stands by; nil if there is none.
    mutating func leftToSuccessor(_ index: Int, _ end: ProcessEnd, at now: Duration) -> [Action]? {
        guard let successor = children[index].successor else { return nil }
        switch successor.phase {
        case .standingBy:
            let time = now - successor.since
            return [.show(.replacement(children[index].stage, .released(after: time)))] + promote(index, at: now)
        case .takingOver(let limits, _):
            children[index].successor = nil
            if end == .exit(0), children[index].hasHeardEnd {
                let told = Action.replaced(children[index].stage, .refused("the run ended meanwhile"))
                return [told] + self.end(of: index, end, at: now)
            }
            // The successor was the stage's process, and did not become ready.
            let reason =
                successor.isForced
                ? "it was not ready within \(Self.seconds(limits.takeover))"
                : "it ended with \(end) before it was ready"
            if let revival = successor.revival {
                leaveDown(index, as: revival.phase, at: now)
                return [.replaced(children[index].stage, .stillDown(reason))]
            }
            children[index].phase = .waiting
            children[index].restarts += 1
            return [
                .replaced(children[index].stage, .rolledBack(reason)), .spawn(children[index].stage),
            ]
        case .lost(let lost):
            children[index].successor = nil
            guard end == .exit(0), !children[index].hasHeardEnd else {
                return [.replaced(children[index].stage, .failed(Self.told(lost)))]
                    + self.end(of: index, end, at: now)
            }
            // It had let go, and the successor had the state.
            return [.replaced(children[index].stage, .rolledBack("it ended with \(lost) before it was ready"))]
                + self.end(of: index, end, at: now)
        // It will find the lock free, or not be ready before the other has been started again.
        case .wanted, .starting: return nil
        }
    }

    private mutating func promote(_ index: Int, at now: Duration) -> [Action] {
        guard var successor = children[index].successor, case .standingBy(let pid) = successor.phase else { return [] }
        successor.phase = .takingOver(successor.limits, from: now)
        successor.since = now
        successor.deadline = now + successor.limits.takeover
        successor.isForced = false
        children[index].successor = successor
        children[index].isAskedToLeave = false
        children[index].phase = .starting(pid: pid)
        children[index].started = now
        children[index].status = ""
        children[index].hasHeardEnd = successor.hasHeardEnd
        return successor.isReady ? handle(.ready(pid: pid), at: now) : []
    }

    /// What it was before a new process was tried in vain; one that was to be started again has its full wait once more.
    private mutating func leaveDown(_ index: Int, as phase: Phase, at now: Duration) {
        children[index].phase = phase
        guard case .backingOff = phase else { return }
        let wait =
            children[index].failure == nil ? policy.delay(after: children[index].endsInRow) : policy.rest
        children[index].phase = .backingOff(until: now + wait)
    }

    mutating func tookOver(_ index: Int, _ from: Duration, at now: Duration) -> [Action] {
        guard let pid = children[index].pid, let successor = children[index].successor else { return [] }
        children[index].successor = nil
        children[index].endsInRow = 0
        let result =
            successor.revival.map { ReplacementResult.revived(pid: pid, after: now - $0.began) }
            ?? .done(pid: pid, gap: now - from)
        return [.replaced(children[index].stage, result)]
    }

    /// Gives a replacement up that has not touched the stage's process, or has only asked it to hand over.
    mutating func fail(_ index: Int, _ end: ProcessEnd, at now: Duration) -> [Action] {
        guard let successor = children[index].successor else { return [] }
        children[index].successor = nil
        // It read in the stage's journal that the run is over; the stage's process has ended, or is about to.
        if end == .exit(0), successor.hasHeardEnd || children[index].hasHeardEnd {
            children[index].hasHeardEnd = true
            return [.replaced(children[index].stage, .refused("the run ended meanwhile"))]
        }
        if case .standingBy = successor.phase, let old = children[index].pid {
            var lost = successor
            lost.phase = .lost(end)
            lost.deadline = now + Successor.settling
            children[index].successor = lost
            return [.stay(pid: old)]
        }
        let told = Self.told(end)
        return [.replaced(children[index].stage, successor.revival == nil ? .failed(told) : .stillDown(told))]
    }

    private static func told(_ end: ProcessEnd) -> String {
        switch end {
        case .unstarted(let reason): reason
        case .exit, .signal: "the new process ended with \(end)"
        }
    }

    mutating func checkSuccessor(_ index: Int, at now: Duration) -> [Action] {
        guard let successor = children[index].successor, now >= successor.deadline else { return [] }
        let stage = children[index].stage
        switch successor.phase {
        case .wanted: return []
        case .starting(let pid):
            children[index].successor = nil
            let time = Self.seconds(successor.limits.standby)
            let told = "the new process did not stand by within \(time)"
            return [
                .kill(pid: pid), .replaced(stage, successor.revival == nil ? .failed(told) : .stillDown(told)),
            ]
        case .standingBy:
            guard let old = children[index].pid else { return [] }
            children[index].successor?.isForced = true
            children[index].successor?.deadline = now + successor.limits.takeover
            guard !successor.isForced else { return [.kill(pid: old)] }
            // In order still: what was journaled is there, what was in hand is done again.
            return [.terminate(pid: old), .show(.replacement(stage, .drainedByForce))]
        case .lost(let end):
            children[index].successor = nil
            return [.replaced(stage, .failed(Self.told(end)))]
        case .takingOver:
            // Its end is told by `leftToSuccessor`.
            children[index].successor?.isForced = true
            children[index].successor?.deadline = now + successor.limits.takeover
            return children[index].pid.map { [.kill(pid: $0)] } ?? []
        }
    }

    /// Everything is being stopped.
    mutating func abandonSuccessor(_ index: Int) -> [Action] {
        guard let successor = children[index].successor else { return [] }
        children[index].successor = nil
        let told = Action.replaced(children[index].stage, .refused("everything is being stopped"))
        return (successor.pid.map { [.kill(pid: $0)] } ?? []) + [told]
    }

    /// `20 s`, `0.3 s`
    private static func seconds(_ duration: Duration) -> String {
        let (whole, tenths) = (duration.components.seconds, duration.components.attoseconds / 100_000_000_000_000_000)
        return tenths == 0 ? "\(whole) s" : "\(whole).\(tenths) s"
    }
}
