import StageKit

/// A stage's journal as a disk keeps it. What was committed and synced stays; what was committed and not synced a loss of
/// power may take, the newest first, as SQLite's log is read up to the first frame that is not whole.
final class SimulatedDisk {
    let journal: Journal
    private let aside: String
    /// The journal before each transaction that can be lost, the oldest first.
    private var before: [Journal] = []
    private var spare: [Journal] = []
    /// Whether power will be lost in this schedule: else nothing need be set aside.
    var losesPower = false
    /// Sabotage: what was synced can be lost too.
    var forgets = false

    init(spool: String, aside: String) throws {
        journal = try Journal(inMemoryBeside: spool)
        self.aside = aside
    }

    func erase(with empty: Journal) throws {
        try journal.become(empty)
        (losesPower, forgets) = (false, false)
        letGo()
    }

    /// A transaction begins.
    func begin(isSynced: Bool) throws {
        guard forgets || (losesPower && !isSynced) else { return }
        let copy = try spare.popLast() ?? Journal(inMemoryBeside: aside)
        try copy.become(journal)
        before.append(copy)
    }

    /// All that was committed is on the disk.
    func sync() {
        guard forgets else { return letGo() }
        while before.count > 8 {
            let oldest = before.removeFirst()
            if spare.count < SimulatedDisk.mostSpare { spare.append(oldest) }
        }
    }

    /// A journal that is set aside keeps the memory of the largest that it has been.
    private func letGo() {
        spare += before.prefix(max(0, SimulatedDisk.mostSpare - spare.count))
        before = []
    }

    private static let mostSpare = 4

    /// How many of the newest transactions can be lost.
    var atRisk: Int { before.count }

    /// Takes back the newest `count` transactions.
    func lose(_ count: Int) throws {
        guard count > 0, count <= before.count else { return }
        try journal.become(before[before.count - count])
        letGo()
    }
}
