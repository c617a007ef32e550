internal import Glibc

/// Room for spools and journals.
enum DiskCheck {
    /// Below this a round of an adapter of ten million values may not fit.
    private static let least = 1 << 30

    static func findings(_ path: String) -> [Finding] {
        guard access(path, F_OK) == 0 else {
            return [Finding(.warning, "disk", path, "it is not there: nothing has run on it yet")]
        }
        guard access(path, W_OK | X_OK) == 0 else {
            return [
                Finding(
                    .failure, "disk", path, "this user may not write there: \(String(cString: strerror(errno)))",
                    advice: "run as the user whom it belongs to, or give --state")
            ]
        }
        var room = statvfs()
        guard statvfs(path, &room) == 0 else {
            return [Finding(.failure, "disk", path, "statvfs: \(String(cString: strerror(errno)))")]
        }
        let free = Int(room.f_bavail) * Int(room.f_frsize)
        let text = "\(free >> 20) MiB are free"
        if free < 64 << 20 || room.f_favail == 0 {
            return [
                Finding(
                    .failure, "disk", path, room.f_favail == 0 ? "no inodes are left" : "\(text): the disk is full",
                    advice: "make room; the stages start again by themselves and go on where they were")
            ]
        }
        guard free >= least else {
            return [Finding(.warning, "disk", path, text, advice: "make room before a spool needs it")]
        }
        return [Finding(.fine, "disk", path, text)]
    }
}
