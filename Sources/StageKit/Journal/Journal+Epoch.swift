package import Federation

extension Journal {
    /// Counts a start of the stage that keeps this journal in `directory`. Everything in a journal belongs to one run: its
    /// rounds, its spent names, its adapter.
    package func beginEpoch(of name: RunName, in directory: String) throws -> UInt64 {
        try write { entry in
            let run = try entry.fact("run").map { String(decoding: $0, as: UTF8.self) } ?? name.description
            guard run == name.description else {
                throw StageError.state(
                    "\(directory) holds run \(run), the topology names run \(name): give it a --state of its own")
            }
            try entry.setFact("run", Array(run.utf8))
            let next = try lastEpoch(entry) + 1
            try entry.setFact("epoch", (0..<8).reversed().map { UInt8(truncatingIfNeeded: next >> ($0 * 8)) })
            return next
        }
    }

    /// Of the instance that was started last.
    package func epoch() throws -> UInt64 { try read(lastEpoch) }

    private func lastEpoch(_ entry: JournalEntry) throws -> UInt64 {
        try entry.fact("epoch").map { $0.reduce(UInt64(0)) { $0 << 8 | UInt64($1) } } ?? 0
    }
}
