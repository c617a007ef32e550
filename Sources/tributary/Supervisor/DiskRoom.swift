internal import Glibc
internal import Topology

extension DiskRoom {
    /// What statvfs(3) tells of the file system of a path.
    ///
    /// - Throws: `LauncherError.system` where there is nothing at the path.
    init(_ path: String) throws(LauncherError) {
        var room = statvfs()
        guard statvfs(path, &room) == 0 else { throw LauncherError.system("statvfs \(path)") }
        self.init(
            free: Int(room.f_bavail) * Int(room.f_frsize), lacksInodes: room.f_files > 0 && room.f_favail == 0)
    }
}
