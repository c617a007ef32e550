internal import Federation
internal import Glibc
internal import Topology

/// Room for spools and journals.
enum DiskCheck {
    /// Of the state root, and of each stage's folder that is a volume of its own.
    static func findings(_ topology: Topology, _ stages: [StageName]) -> [Finding] {
        let root = topology.statePath
        var volumes = Set([device(root)])
        let others = stages.map(topology.stateFolder).filter { path in
            guard let device = device(path) else { return false }
            return volumes.insert(device).inserted
        }
        return ([root] + others).map(finding)
    }

    /// Nil where there is nothing at the path.
    private static func device(_ path: String) -> UInt? {
        var information = stat()
        return stat(path, &information) == 0 ? UInt(information.st_dev) : nil
    }

    private static func finding(_ path: String) -> Finding {
        guard access(path, F_OK) == 0 else {
            return Finding(.warning, "disk", path, "it is not there: nothing has run on it yet")
        }
        guard access(path, W_OK | X_OK) == 0 else {
            return Finding(
                .failure, "disk", path, "this user may not write there: \(String(cString: strerror(errno)))",
                advice: "run as the user whom it belongs to, or give --state")
        }
        let room: DiskRoom
        do { room = try DiskRoom(path) } catch { return Finding(.failure, "disk", path, "\(error)") }
        let text = "\(room.free >> 20) MiB are free"
        switch room.outlook {
        case .enough: return Finding(.fine, "disk", path, text)
        case .little:
            return Finding(
                .warning, "disk", path, "\(text): a round of a large adapter may not fit",
                advice: "make room on its file system before a stage ends for want of it (`df -h \(path)`)")
        case .full:
            return Finding(
                .failure, "disk", path, "\(text): the disk is full",
                advice:
                    "make room on its file system (`df -h \(path)`); the stages start again by themselves and go on where they were"
            )
        case .lacksInodes:
            return Finding(
                .failure, "disk", path, "no inodes are left, though \(text)",
                advice:
                    "remove files from its file system (`df -i \(path)`); the stages start again by themselves and go on where they were"
            )
        }
    }
}
