internal import Glibc

/// One launcher for one state root: an flock(2) on `STATE/launcher.lock`, which the kernel takes back when its holder dies.
enum StateLock {
    static func path(_ state: String) -> String { "\(state)/launcher.lock" }

    /// The lock, with this process's id in the file; throws if another launcher holds it.
    static func acquire(_ state: String) throws -> Descriptor {
        let file = try Descriptor.opening(path(state), O_RDWR | O_CREAT)
        guard flock(file.number, LOCK_EX | LOCK_NB) == 0 else {
            guard errno == EWOULDBLOCK else { throw LauncherError.system("flock \(path(state))") }
            let holder = pid(in: file).map { " (process \($0))" } ?? ""
            throw LauncherError.configuration(
                "\(state): another launcher\(holder) runs on this state; stop it with `tributary down`, or give --state"
            )
        }
        guard ftruncate(file.number, 0) == 0 else { throw LauncherError.system("ftruncate \(path(state))") }
        try file.writeAll("\(getpid())\n".utf8)
        return file
    }

    /// The launcher that runs on `state`; nil if none does.
    static func holder(_ state: String) throws -> Int32? {
        guard access(path(state), F_OK) == 0 else { return nil }
        let file = try Descriptor.opening(path(state), O_RDONLY)
        if flock(file.number, LOCK_SH | LOCK_NB) == 0 { return nil }
        guard errno == EWOULDBLOCK else { throw LauncherError.system("flock \(path(state))") }
        return pid(in: file)
    }

    /// Waits until no launcher runs on `state`; false if one still does after `seconds`.
    static func waitUntilFree(_ state: String, seconds: UInt32) throws -> Bool {
        let file = try Descriptor.opening(path(state), O_RDONLY)
        var action = sigaction()
        action.__sigaction_handler.sa_handler = { _ in }  // no SA_RESTART: the alarm must end the wait
        guard sigaction(SIGALRM, &action, nil) == 0 else { throw LauncherError.system("sigaction") }
        alarm(seconds)
        defer { alarm(0) }
        if flock(file.number, LOCK_SH) == 0 { return true }
        guard errno == EINTR else { throw LauncherError.system("flock \(path(state))") }
        return false
    }

    private static func pid(in file: Descriptor) -> Int32? {
        var bytes = [UInt8](repeating: 0, count: 32)
        let count = pread(file.number, &bytes, bytes.count, 0)
        guard count > 0 else { return nil }
        return Int32(String(decoding: bytes[..<count], as: UTF8.self).prefix { $0.isNumber })
    }
}
