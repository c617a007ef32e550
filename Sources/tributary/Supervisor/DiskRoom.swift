internal import Glibc

/// What statvfs(3) tells of the room that a user has on the file system of a path.
struct DiskRoom {
    /// Bytes.
    let free: Int
    /// File systems that make inodes as they go (btrfs) have no number of them, and never lack any.
    let lacksInodes: Bool

    /// Below this not even a stage's small writes can be relied on: the journal's log grows by less at a time, and a spool's
    /// file of more ends the stage with the status that says so.
    private static let least = 1 << 20

    /// - Throws: `LauncherError.system` where there is nothing at the path.
    init(_ path: String) throws(LauncherError) {
        var room = statvfs()
        guard statvfs(path, &room) == 0 else { throw LauncherError.system("statvfs \(path)") }
        free = Int(room.f_bavail) * Int(room.f_frsize)
        lacksInodes = room.f_files > 0 && room.f_favail == 0
    }

    /// Nothing can be written.
    var isNone: Bool { free < DiskRoom.least || lacksInodes }
}
