package import Federation

extension Journal {
    /// Counts a start of the stage that keeps this journal in `directory`. Everything in a journal belongs to one run: its
    /// rounds, its spent names, its adapter.
    package func beginEpoch(of name: RunName, in directory: String) throws -> UInt64 {
        try write { entry in
            try Self.checkRun(entry, name, directory)
            try entry.setFact("run", Array(name.description.utf8))
            let next = try Self.lastEpoch(entry) + 1
            try entry.setFact("epoch", Self.bytes(next))
            return next
        }
    }

    private static func checkRun(_ entry: JournalEntry, _ name: RunName, _ directory: String) throws {
        guard let bytes = try entry.fact("run") else { return }
        let run = String(decoding: bytes, as: UTF8.self)
        guard run == name.description else {
            throw StageError.state(
                "\(directory) holds run \(run), the topology names run \(name): give it a --state of its own")
        }
    }

    /// Whether a successor could take the journal over: it can be opened and read, and is this run's.
    package static func rehearse(directory: String, of name: RunName) throws {
        guard let journal = try Journal(reading: directory) else { return }
        defer { try? journal.close() }
        try journal.read { entry in
            try checkRun(entry, name, directory)
            _ = try lastEpoch(entry)
        }
    }

    /// How often the stage has been replaced while it ran, over all its processes of the run.
    ///
    /// - Parameter isOneMore: the process that asks has just taken over from one that ran.
    package func swaps(isOneMore: Bool) throws -> UInt64 {
        let before = try read { try Self.number($0.fact("swaps")) }
        guard isOneMore else { return before }
        try write { try $0.setFact("swaps", Self.bytes(before + 1)) }
        return before + 1
    }

    private static func bytes(_ number: UInt64) -> [UInt8] {
        (0..<8).reversed().map { UInt8(truncatingIfNeeded: number >> ($0 * 8)) }
    }

    private static func number(_ bytes: [UInt8]?) -> UInt64 { bytes?.reduce(0) { $0 << 8 | UInt64($1) } ?? 0 }

    /// Of the instance that was started last.
    package func epoch() throws -> UInt64 { try read(Self.lastEpoch) }

    private static func lastEpoch(_ entry: JournalEntry) throws -> UInt64 {
        try number(entry.fact("epoch"))
    }
}
