/// Hears of each transaction of a journal. A simulation ends a process at any of these places, by throwing.
package protocol CommitWatch: Sendable {
    /// Before anything of it is done.
    func begin(isSynced: Bool) throws
    /// What is thrown here undoes it.
    func beforeCommit(isSynced: Bool) throws
    /// It is done, and nobody knows yet.
    func afterCommit(isSynced: Bool) throws
}

struct Unwatched: CommitWatch {
    func begin(isSynced: Bool) {}
    func beforeCommit(isSynced: Bool) {}
    func afterCommit(isSynced: Bool) {}
}
