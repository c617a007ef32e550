import Federation
import StageKit

/// What a stage keeps at one moment of a long run.
struct KeptState: Sendable {
    /// Microseconds from the beginning.
    let at: Int
    let journalBytes: Int
    let spoolBytes: Int

    /// Why what was kept has grown, by the largest in the middle third of a run and in its last; nil if it has not.
    static func growth(of looks: [KeptState]) -> String? {
        guard looks.count >= 6 else { return "it was looked at \(looks.count) times" }
        let third = looks.count / 3
        let (middle, last) = (looks[third..<2 * third], looks[(2 * third)...])
        for (what, bytes) in [("journal", \KeptState.journalBytes), ("spool", \.spoolBytes)] {
            let (before, after) = (
                middle.map { $0[keyPath: bytes] }.max() ?? 0, last.map { $0[keyPath: bytes] }.max() ?? 0
            )
            // A page of SQLite's is 4 KiB; a round that was caught in the middle has a vector or two more.
            if after > before + before / 8 + 16 << 10 { return "its \(what) grew from \(before) to \(after) bytes" }
        }
        return nil
    }
}

extension SimulatedFederation {
    /// Looks at all stages, and plans the next look.
    func look() throws {
        for process in processes {
            looks[process.stage, default: []].append(
                KeptState(
                    at: now, journalBytes: try process.disk.journal.bytesInUse(),
                    spoolBytes: process.disk.journal.spoolBytes()))
        }
        if let every = schedule.lookEvery { agenda.plan(.look, at: now + every * 1_000_000) }
    }
}
