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
        let room: DiskRoom
        do { room = try DiskRoom(path) } catch { return [Finding(.failure, "disk", path, "\(error)")] }
        let text = "\(room.free >> 20) MiB are free"
        if room.free < 64 << 20 || room.lacksInodes {
            return [
                Finding(
                    .failure, "disk", path, room.lacksInodes ? "no inodes are left" : "\(text): the disk is full",
                    advice: "make room; the stages start again by themselves and go on where they were")
            ]
        }
        guard room.free >= least else {
            return [Finding(.warning, "disk", path, text, advice: "make room before a spool needs it")]
        }
        return [Finding(.fine, "disk", path, text)]
    }
}
