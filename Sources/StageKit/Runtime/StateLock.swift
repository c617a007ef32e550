internal import Glibc

/// A stage's state directory, made if need be, closed to others, and held by one process at a time (flock(2)): the kernel takes it
/// back when its holder dies, however it does.
package struct StateLock {
    private let descriptor: Int32

    /// - Parameter waits: for another process to let go of it, which a successor does.
    package init(_ directory: String, waits: Bool = false) throws {
        try Self.make(directory)
        var information = stat()
        guard lstat(directory, &information) == 0 else { throw StageError.system("stat \(directory)", errno) }
        guard information.st_uid == geteuid(), information.st_mode & 0o077 == 0 else {
            throw StageError.state(
                "\(directory) must belong to this user and be closed to others: chmod 700 \(directory)")
        }
        let path = "\(directory)/lock"
        descriptor = open(path, O_CREAT | O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw StageError.system("open \(path)", errno) }
        guard flock(descriptor, waits ? LOCK_EX : LOCK_EX | LOCK_NB) == 0 else {
            let code = errno
            defer { close(descriptor) }
            guard code == EWOULDBLOCK else { throw StageError.system("flock \(path)", code) }
            throw StageError.state(
                "\(directory) is in use by \(StateLock.holder(descriptor)) of this stage: stop it first, or wait for it"
            )
        }
    }

    /// Who holds it, as far as it has said so: one that has only just begun has not.
    private static func holder(_ lock: Int32) -> String {
        guard let (phase, pid) = StageProbe.word(in: lock), StageProbe.isThere(pid) else { return "another process" }
        return "process \(pid) (\(phase.rawValue))"
    }

    /// Writes into the lock's file what its holder does, for `--probe`.
    package func note(_ phase: StageProbe.Phase) throws {
        let text = Array("\(phase.rawValue) \(getpid())\n".utf8)
        guard ftruncate(descriptor, 0) == 0, pwrite(descriptor, text, text.count, 0) == text.count else {
            throw StageError.system("write of the state's lock", errno)
        }
    }

    /// Moves the file's time of change to now.
    func beat() throws {
        guard futimens(descriptor, nil) == 0 else { throw StageError.system("futimens of the state's lock", errno) }
    }

    /// Parents as the umask has them, the last directory 0700. Those that are made are on the disk, by their names, when this returns:
    /// a journal that is synced may still be lost with the folder that it lies in (fsync(2)).
    static func make(_ directory: String) throws {
        var path = ""
        let parts = directory.split(separator: "/")
        for (index, part) in parts.enumerated() {
            path += "/\(part)"
            let mode: mode_t = index < parts.count - 1 ? 0o755 : 0o700
            guard mkdir(path, mode) == 0 else {
                guard errno == EEXIST else { throw StageError.system("mkdir \(path)", errno) }
                continue
            }
            let parent = path.dropLast(part.count)
            let folder = open(String(parent), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
            guard folder >= 0 else { throw StageError.system("open \(parent)", errno) }
            defer { close(folder) }
            guard fsync(folder) == 0 else { throw StageError.system("fsync \(parent)", errno) }
        }
    }

    package func release() { close(descriptor) }
}
