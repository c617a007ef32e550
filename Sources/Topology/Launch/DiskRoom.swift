/// The room that a user has on a file system, and what it means to stages whose state lies there.
package struct DiskRoom: Hashable, Sendable {
    /// Bytes.
    package let free: Int
    /// File systems that make inodes as they go (btrfs) have no number of them, and never lack any.
    package let lacksInodes: Bool

    package init(free: Int, lacksInodes: Bool) {
        self.free = free
        self.lacksInodes = lacksInodes
    }

    package enum Outlook: Hashable, Sendable {
        /// A round of an adapter of ten million values fits.
        case enough
        /// Such a round may not fit.
        case little
        /// A spool's next file does not fit.
        case full
        /// However much is free, no file can be made.
        case lacksInodes
    }

    /// Below this a round of an adapter of ten million values may not fit.
    private static let ample = 1 << 30
    /// The least that a stage needs to go on with what it has in hand: a spool's file and the journal's log.
    private static let spool = 64 << 20
    /// Below this not even a stage's small writes can be relied on: the journal's log grows by less at a time, and a spool's
    /// file of more ends the stage with the status that says so.
    private static let least = 1 << 20

    package var outlook: Outlook {
        if lacksInodes { return .lacksInodes }
        if free < DiskRoom.spool { return .full }
        return free < DiskRoom.ample ? .little : .enough
    }

    /// Nothing can be written.
    package var isNone: Bool { free < DiskRoom.least || lacksInodes }
}
