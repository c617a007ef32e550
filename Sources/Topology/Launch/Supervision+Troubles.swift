package import Federation

// What hinders stages, and since when.
extension Supervision {
    /// What a stage says of its peers.
    package struct Trouble: Hashable, Sendable {
        package let kind: String
        package let about: String
        package let text: String
        package internal(set) var since: Duration = .zero

        package init(kind: String, about: String, text: String) {
            self.kind = kind
            self.about = about
            self.text = text
        }
    }

    /// How a process ended that somebody else has killed.
    package struct Kill: Hashable, Sendable {
        package let killing: Killing
        package let at: Duration
    }

    /// All that there is now: what was there before keeps its time.
    mutating func note(_ told: [Trouble], of pid: Int32, at now: Duration) {
        guard let index = index(of: pid) else { return }
        let before = children[index].troubles
        children[index].troubles = told.map { trouble in
            var trouble = trouble
            trouble.since = before.first { $0.kind == trouble.kind && $0.about == trouble.about }?.since ?? now
            return trouble
        }
    }

    /// Takes down how a process ended, before anything is done about it.
    mutating func note(_ end: ProcessEnd, _ killing: Killing?, of pid: Int32, _ index: Int, at now: Duration) {
        children[index].troubles = []
        children[index].stillness = nil
        children[index].kill = nil
        guard let killing, end == .signal(9), !killed.contains(pid) else { return }
        children[index].kill = Kill(killing: killing, at: now)
    }
}

extension Supervision.Child {
    /// Since when it lacks room on its disk, if that is why it does not run, or has not become ready since.
    package var lackingRoomSince: Duration? {
        if case .ready = phase { return nil }
        guard let lastEnd, lastEnd.isForWantOfRoom(lacksRoom) else { return nil }
        return wantsRoomSince
    }
}
