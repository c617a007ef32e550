import Federation

/// How the start of a stage that was added while others ran has ended.
package enum AdditionResult: Hashable, Sendable {
    case done(pid: Int32, after: Duration)
    case refused(String)
    /// It is not there, as before.
    case failed(String)
}

// Stages that come and go with the topology, while the others run.
extension Supervision {
    mutating func add(_ stage: StageName) -> [Action] {
        guard !isStopping else { return [.added(stage, .refused("everything is being stopped"))] }
        if let index = children.firstIndex(where: { $0.stage == stage }) {
            // It was here before, and has ended.
            guard case .ended = children[index].phase else { return [.added(stage, .refused("it runs already"))] }
            children.remove(at: index)
        }
        var child = Child(stage: stage)
        child.isNew = true
        let place = children.firstIndex { Self.precedes(stage, $0.stage) } ?? children.endIndex
        children.insert(child, at: place)
        return [.spawn(stage)]
    }

    mutating func becameReady(_ index: Int, _ pid: Int32, after time: Duration) -> [Action] {
        children[index].isNew = false
        children[index].isShownReady = true
        let stage = children[index].stage
        return [.show(.ready(stage, time)), .added(stage, .done(pid: pid, after: time))]
    }

    mutating func remove(_ stage: StageName, at now: Duration) -> [Action] {
        guard let index = children.firstIndex(where: { $0.stage == stage }) else { return [.removed(stage)] }
        let abandoned = abandonSuccessor(index)
        guard let pid = children[index].pid else {
            children.remove(at: index)
            return abandoned + [.removed(stage)]
        }
        children[index].leavesBy = now + grace
        return abandoned + [.terminate(pid: pid)]
    }

    mutating func checkLeaving(_ index: Int, at now: Duration) -> [Action] {
        guard let leavesBy = children[index].leavesBy, now >= leavesBy, let pid = children[index].pid else { return [] }
        children[index].leavesBy = now + grace
        return [.kill(pid: pid), .show(.killed(children[index].stage))]
    }

    /// Nil for a stage that is neither coming nor going, or goes with all.
    mutating func endOfComing(_ index: Int, _ end: ProcessEnd) -> [Action]? {
        let child = children[index]
        guard !isStopping, child.isNew || child.leavesBy != nil else { return nil }
        children.remove(at: index)
        guard child.leavesBy == nil else { return [.removed(child.stage)] }
        if case .unstarted(let reason) = end { return [.added(child.stage, .failed(reason))] }
        return [.added(child.stage, .failed("it ended with \(end) before it was ready"))]
    }
}
