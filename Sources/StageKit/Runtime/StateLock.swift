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
        let path = StageProbe.lock(in: directory)
        descriptor = open(path, O_CREAT | O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw StageError.system("open \(path)", errno) }
        guard flock(descriptor, waits ? LOCK_EX : LOCK_EX | LOCK_NB) == 0 else {
            let code = errno
            defer { close(descriptor) }
            guard code == EWOULDBLOCK else { throw StageError.system("flock \(path)", code) }
            throw StageError.inUse(
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

    /// Parents as the umask has them, the last directory 0700; all on the disk when this returns.
    static func make(_ directory: String) throws {
        do { try StateFolder.make(directory, parents: 0o755) } catch { throw StageError.system(error.call, error.code) }
    }

    package func release() { close(descriptor) }
}
