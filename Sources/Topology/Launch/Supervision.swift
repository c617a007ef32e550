package import Federation

/// What the launcher knows of its stages and what it does next; pure, so that it is tested without a process. Times are
/// counted from the launcher's start.
///
///     waiting -> starting -> ready -> ended
///                   ^          |
///                   +- backing off   (any end but 0, 1, 2, 4 and 78; for want of room until there is some; after
///                                     many in a row minutes apart)
///
/// Before all have been ready once, an end that another start would not mend, or too many in a row, stop everything; after that
/// they stop their own stage alone, but for publish's word that the run has failed.
package struct Supervision: Sendable {
    package enum Phase: Hashable, Sendable {
        case waiting
        case starting(pid: Int32)
        case ready(pid: Int32)
        case backingOff(until: Duration)
        case ended(ProcessEnd)
    }

    package struct Child: Sendable {
        package let stage: StageName
        package internal(set) var phase: Phase = .waiting
        package internal(set) var restarts = 0
        /// When the present process was started.
        package internal(set) var started: Duration = .zero
        /// From start to ready, of the present or the last process that got there.
        package internal(set) var timeToReady: Duration?
        package internal(set) var lastEnd: ProcessEnd?
        /// What the stage says of itself (sd_notify's STATUS), and since when.
        package internal(set) var status = ""
        package internal(set) var statusSince: Duration = .zero
        /// Its present or last process has said that the run is over.
        package internal(set) var hasHeardEnd = false
        /// The process that is to take its place.
        package internal(set) var successor: Successor?
        /// It may end for a successor that has failed meanwhile; then it is started again.
        var isAskedToLeave = false
        /// It was added while others ran, and has not been ready yet: if it fails, it alone is taken away again.
        var isNew = false
        /// It is to end for good; nil while it is to stay. When it is killed.
        var leavesBy: Duration?
        var endsInRow = 0
        /// Why it does not run while the others do.
        package internal(set) var failure: Failure?
        /// There was no room for its state when its last process ended.
        var lacksRoom = false
        /// When the user was told of it, since it was last ready.
        var wantsRoomSince: Duration?
        /// What its present process has said of its peers.
        package internal(set) var troubles: [Trouble] = []
        /// Its last process was killed, and not by the launcher.
        package internal(set) var kill: Kill?
        /// Its process is there and does nothing.
        package internal(set) var stillness: Stillness?
        var isShownReady = false

        package var pid: Int32? {
            switch phase {
            case .starting(let pid), .ready(let pid): pid
            case .waiting, .backingOff, .ended: nil
            }
        }
    }

    package enum Input: Sendable {
        case start
        case spawned(StageName, pid: Int32)
        case unstarted(StageName, reason: String)
        case ready(pid: Int32)
        case status(pid: Int32, String)
        /// All that hinders the stage, as its process sees it.
        case troubles(pid: Int32, [Trouble])
        /// Whether its process stands still; nil for no.
        case stillness(pid: Int32, Stillness?)
        /// The stage knows from publish that the run is over.
        case runOver(pid: Int32)
        /// - Parameters:
        ///   - lacksRoom: the disk on which its state lies is full.
        ///   - killing: what is known of a SIGKILL, whoever sent it.
        case ended(pid: Int32, ProcessEnd, lacksRoom: Bool = false, killing: Killing? = nil)
        /// There is room again for this stage's state.
        case room(StageName)
        /// Another process of this stage is wanted; its program is the launcher's to know.
        case replace(StageName, ReplacementLimits)
        /// A stage that the topology has now.
        case add(StageName)
        /// A stage that it has no more.
        case remove(StageName)
        /// A successor stands by.
        case standingBy(pid: Int32)
        /// Time has come to `nextDeadline`.
        case tick
        /// Stop in reverse order; a second one stops at once.
        case stop
    }

    package enum Action: Hashable, Sendable {
        case spawn(StageName)
        case terminate(pid: Int32)
        case kill(pid: Int32)
        /// Starts the successor.
        case spawnSuccessor(StageName)
        /// Asks a process to leave its stage to the successor once it has done with what it has in hand.
        case handOver(pid: Int32)
        /// Asks it to stay after all.
        case stay(pid: Int32)
        case show(Notice)
        /// What became of a replacement, and what the stage is run by from now on.
        case replaced(StageName, ReplacementResult)
        /// What became of a stage that was to be added.
        case added(StageName, AdditionResult)
        /// It has ended, and is forgotten.
        case removed(StageName)
        /// Everything has ended; the launcher leaves with this exit status.
        case finish(Int32)
    }

    package enum Notice: Hashable, Sendable {
        case ready(StageName, Duration)
        case allReady(Duration)
        case restarting(StageName, ProcessEnd, wait: Duration)
        /// It ended for want of room on the disk; said once, until it has been ready again.
        case wantsRoom(StageName, ProcessEnd)
        case recovered(StageName, Duration)
        case completed(StageName)
        /// It ended because the run is over.
        case runOver(StageName)
        /// Every stage has.
        case allOver
        /// The run is over, and these have not heard of it in all the time that they had: they are stopped.
        case leftBehind([StageName])
        case failed(StageName, ProcessEnd)
        case gaveUp(StageName, ProcessEnd, count: Int)
        /// It stays down, and the others go on.
        case parked(StageName, ProcessEnd)
        /// It is tried again after a long while, and the others go on.
        case resting(StageName, ProcessEnd, count: Int, wait: Duration)
        case stopping
        case killed(StageName)
        case replacement(StageName, ReplacementStep)
    }

    /// In the order in which they are started and shown: consumers before producers.
    package internal(set) var children: [Child]
    package private(set) var isStopping = false
    /// All stages have been ready once.
    package private(set) var wasAllReady = false
    let policy: RestartPolicy
    let grace: Duration
    private let afterRun: Duration
    private let failsFast: Bool
    private var killDeadline: Duration?
    /// When stages that have not heard the end of the run are stopped.
    private var endDeadline: Duration?
    private var exitStatus: Int32 = 0
    private var isFinished = false
    private var terminated: Set<Int32> = []
    /// Processes that the launcher itself has killed.
    private(set) var killed: Set<Int32> = []

    /// - Parameters:
    ///   - grace: how long stages may take to stop before they are killed.
    ///   - afterRun: how long they may take to hear that the run is over, once publish has left it (or the first of them,
    ///     where publish runs elsewhere).
    ///   - failsFast: a stage that fails stops everything even when all have been ready.
    package init(
        stages: [StageName], policy: RestartPolicy = RestartPolicy(), grace: Duration = .seconds(20),
        afterRun: Duration = .seconds(30), failsFast: Bool = false
    ) {
        children = stages.sorted(by: Self.precedes).map { Child(stage: $0) }
        self.policy = policy
        self.grace = grace
        self.afterRun = afterRun
        self.failsFast = failsFast
    }

    static func precedes(_ first: StageName, _ second: StageName) -> Bool {
        (-rank(first), first) < (-rank(second), second)
    }

    private static func rank(_ stage: StageName) -> Int { StageKind.allCases.firstIndex(of: stage.kind) ?? 0 }

    /// When `tick` is due; nil when only events can change something.
    package var nextDeadline: Duration? {
        let waits = children.flatMap { child -> [Duration] in
            var waits = child.successor.map { [$0.deadline] } ?? []
            if case .backingOff(let until) = child.phase, child.successor == nil { waits.append(until) }
            if let leavesBy = child.leavesBy { waits.append(leavesBy) }
            return waits
        }
        return (waits + [killDeadline, isStopping ? nil : endDeadline].compactMap { $0 }).min()
    }

    package mutating func handle(_ input: Input, at now: Duration) -> [Action] {
        var actions: [Action] = []
        switch input {
        case .start: actions = children.map { .spawn($0.stage) }
        case .spawned(let stage, let pid):
            guard let index = children.firstIndex(where: { $0.stage == stage }) else { break }
            if children[index].successor?.phase == .wanted {
                children[index].successor?.phase = .starting(pid: pid)
                break
            }
            children[index].phase = .starting(pid: pid)
            children[index].started = now
            children[index].status = ""
            children[index].stillness = nil
            children[index].hasHeardEnd = false
            children[index].isAskedToLeave = false
        case .unstarted(let stage, let reason):
            guard let index = children.firstIndex(where: { $0.stage == stage }) else { break }
            if children[index].successor?.phase == .wanted {
                actions = fail(index, .unstarted(reason), at: now)
                break
            }
            actions = end(of: index, .unstarted(reason), at: now)
        case .ready(let pid):
            if let index = indexOfSuccessor(pid) {
                // It has the state already; the other's end has yet to be told.
                children[index].successor?.isReady = true
                break
            }
            guard let index = index(of: pid), children[index].phase == .starting(pid: pid) else { break }
            actions = becomeReady(index, pid, at: now)
        case .status(let pid, let text):
            guard let index = index(of: pid), children[index].status != text else { break }
            children[index].status = text
            children[index].statusSince = now
        case .troubles(let pid, let troubles): note(troubles, of: pid, at: now)
        case .stillness(let pid, let stillness):
            if let index = index(of: pid) { children[index].stillness = stillness }
        case .runOver(let pid):
            if let index = indexOfSuccessor(pid) { children[index].successor?.hasHeardEnd = true }
            if let index = index(of: pid) { children[index].hasHeardEnd = true }
        case .replace(let stage, let limits): actions = replace(stage, limits, at: now)
        case .add(let stage): actions = add(stage)
        case .remove(let stage): actions = remove(stage, at: now)
        case .standingBy(let pid): actions = standBy(pid, at: now)
        case .room(let stage): actions = startWithRoom(stage)
        case .ended(let pid, let end, let lacksRoom, let killing):
            defer { killed.remove(pid) }
            if let index = indexOfSuccessor(pid) {
                actions = fail(index, end, at: now)
                break
            }
            guard let index = index(of: pid) else { break }
            terminated.remove(pid)
            children[index].lacksRoom = lacksRoom
            note(end, killing, of: pid, index, at: now)
            actions = self.end(of: index, end, at: now)
        case .tick: actions = tick(at: now)
        case .stop: actions = stop(at: now)
        }
        for case .kill(let pid) in actions { killed.insert(pid) }
        return actions + finishing()
    }

    func index(of pid: Int32) -> Int? { children.firstIndex { $0.pid == pid } }

    /// A stage is shown as ready when all before it in the order are: the reader sees the pipeline come up from its end.
    private mutating func becomeReady(_ index: Int, _ pid: Int32, at now: Duration) -> [Action] {
        let time = now - children[index].started
        children[index].phase = .ready(pid: pid)
        children[index].timeToReady = time
        children[index].wantsRoomSince = nil
        children[index].failure = nil
        if children[index].isNew { return becameReady(index, pid, after: time) }
        var actions: [Action] = []
        if case .takingOver(_, let from) = children[index].successor?.phase {
            actions = tookOver(index, from, at: now)
            if children[index].isShownReady { return actions }
        }
        if children[index].isShownReady { return [.show(.recovered(children[index].stage, time))] }
        for position in children.indices where !children[position].isShownReady {
            guard case .ready = children[position].phase, let time = children[position].timeToReady else { break }
            children[position].isShownReady = true
            actions.append(.show(.ready(children[position].stage, time)))
        }
        if !wasAllReady, children.allSatisfy(\.isShownReady) {
            wasAllReady = true
            actions.append(.show(.allReady(now)))
        }
        return actions
    }

    mutating func end(of index: Int, _ end: ProcessEnd, at now: Duration) -> [Action] {
        let stage = children[index].stage
        if case .ready = children[index].phase, let time = children[index].timeToReady,
            now - children[index].started - time >= policy.patience
        {
            children[index].endsInRow = 0
        }
        children[index].lastEnd = end
        children[index].status = ""
        if let actions = endOfComing(index, end) { return actions }
        if !isStopping, let actions = leftToSuccessor(index, end, at: now) { return actions }
        if isStopping {
            children[index].phase = .ended(end)
            return terminateNextRank()
        }
        if end == .exit(0), children[index].isAskedToLeave, !children[index].hasHeardEnd {
            children[index].isAskedToLeave = false
            return [restart(index)]
        }
        if end == .exit(0) {
            children[index].phase = .ended(end)
            guard children[index].hasHeardEnd else { return [.show(.completed(stage))] }
            // Publish stays for as long as it waits for others; who is alone with its cloud knows it from its neighbours.
            if stage.kind == .publish || !children.contains(where: { $0.stage.kind == .publish }) {
                endDeadline = endDeadline ?? now + afterRun
            }
            return [.show(.runOver(stage))]
        }
        if end.isForWantOfRoom(children[index].lacksRoom) { return waitForRoom(index, end, at: now) }
        if end.isFinal {
            if isForgiving, !endsRun(stage, end) { return park(index, end, at: now) }
            children[index].phase = .ended(end)
            if case .exit(let status) = end { exitStatus = status } else { exitStatus = 5 }
            return [.show(.failed(stage, end))] + stop(at: now)
        }
        children[index].endsInRow += 1
        let count = children[index].endsInRow
        guard count < policy.limit else {
            if isForgiving { return rest(index, end, count: count, at: now) }
            children[index].phase = .ended(end)
            exitStatus = 1
            return [.show(.gaveUp(stage, end, count: count))] + stop(at: now)
        }
        let wait = policy.delay(after: count)
        children[index].phase = .backingOff(until: now + wait)
        return [.show(.restarting(stage, end, wait: wait))]
    }

    /// One bad stage does not take the others down any more.
    private var isForgiving: Bool { wasAllReady && !failsFast }

    private mutating func tick(at now: Duration) -> [Action] {
        var actions: [Action] = []
        if let deadline = killDeadline, now >= deadline {
            killDeadline = nil
            for child in children {
                guard let pid = child.pid else { continue }
                actions += [.kill(pid: pid), .show(.killed(child.stage))]
            }
            return actions
        }
        if let deadline = endDeadline, now >= deadline, !isStopping {
            let behind = children.filter { if case .ended = $0.phase { false } else { true } }
            return [.show(.leftBehind(behind.map(\.stage)))] + stop(at: now)
        }
        for index in children.indices { actions += checkSuccessor(index, at: now) + checkLeaving(index, at: now) }
        for index in children.indices {
            guard case .backingOff(let until) = children[index].phase, now >= until,
                children[index].successor == nil
            else { continue }
            actions.append(restart(index))
        }
        return actions
    }

    mutating func restart(_ index: Int) -> Action {
        children[index].phase = .waiting
        children[index].restarts += 1
        return .spawn(children[index].stage)
    }

    private mutating func stop(at now: Duration) -> [Action] {
        if isStopping {
            killDeadline = nil
            return children.compactMap { $0.pid.map { .kill(pid: $0) } }
        }
        isStopping = true
        killDeadline = now + grace
        let abandoned = children.indices.flatMap { abandonSuccessor($0) }
        for index in children.indices where children[index].pid == nil {
            if case .ended = children[index].phase { continue }
            children[index].phase = .ended(children[index].lastEnd ?? .exit(0))
        }
        return abandoned + [.show(.stopping)] + terminateNextRank()
    }

    /// Producers first, so that what consumers hold can be finished: the last kind that still runs gets SIGTERM.
    private mutating func terminateNextRank() -> [Action] {
        guard let kind = children.last(where: { $0.pid != nil })?.stage.kind else { return [] }
        var actions: [Action] = []
        for child in children where child.stage.kind == kind {
            guard let pid = child.pid, terminated.insert(pid).inserted else { continue }
            actions.append(.terminate(pid: pid))
        }
        return actions
    }

    private mutating func finishing() -> [Action] {
        guard !isFinished else { return [] }
        let over = children.allSatisfy {
            // One that is parked may be about to be started by a new program.
            if case .ended = $0.phase { return $0.successor == nil }
            return false
        }
        guard over else { return [] }
        isFinished = true
        let isOver = exitStatus == 0 && children.allSatisfy(\.hasHeardEnd)
        let behind = parkedAtEnd
        return (isOver ? [.show(.allOver)] : []) + (behind.isEmpty ? [] : [.show(.leftBehind(behind))]) + [
            .finish(exitStatus == 0 ? parkedStatus : exitStatus)
        ]
    }
}
