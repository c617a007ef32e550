package import Federation

// Stages whose disk is full: they are tried for as long as it takes, and started once there is room.
extension Supervision {
    /// Stages that are not started again because their disk is full, or was when they ended: whoever looks at it tells of `.room`.
    package var stagesWithoutRoom: [StageName] {
        children.filter { child in
            guard case .backingOff = child.phase, child.successor == nil else { return false }
            return child.lacksRoom
        }.map(\.stage)
    }

    /// It does not count as an end in a row. Started all the same after the longest wait: what it lacked may be less than what
    /// counts as room, or not be seen from here (a quota).
    mutating func waitForRoom(_ index: Int, _ end: ProcessEnd, at now: Duration) -> [Action] {
        children[index].phase = .backingOff(until: now + policy.ceiling)
        guard children[index].wantsRoomSince == nil else { return [] }
        children[index].wantsRoomSince = now
        return [.show(.wantsRoom(children[index].stage, end))]
    }

    mutating func startWithRoom(_ stage: StageName) -> [Action] {
        guard stagesWithoutRoom.contains(stage), let index = children.firstIndex(where: { $0.stage == stage }) else {
            return []
        }
        return [restart(index)]
    }
}
