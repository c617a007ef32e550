package import Glibc

/// Folders of a state that outlive a loss of power: a journal that is synced may still be lost with the folder that it lies in
/// (fsync(2)).
package enum StateFolder {
    /// A call that failed, for whoever names it in an error of its own.
    package struct Fault: Error {
        package let call: String
        package let code: Int32
    }

    /// Makes `path` and what is missing above it. Each is on the disk, by its name, when this returns, also one that somebody else has
    /// made, or a process that was killed before its sync.
    ///
    /// - Parameters:
    ///   - mode: of the last.
    ///   - parents: of those above it that are made.
    package static func make(_ path: String, mode: mode_t = 0o700, parents: mode_t) throws(Fault) {
        var current = path.hasPrefix("/") ? "" : "."
        var parent = path.hasPrefix("/") ? "/" : "."
        let parts = path.split(separator: "/")
        for (index, part) in parts.enumerated() {
            current += "/\(part)"
            defer { parent = current }
            guard mkdir(current, index < parts.count - 1 ? parents : mode) == 0 else {
                guard errno == EEXIST else { throw Fault(call: "mkdir \(current)", code: errno) }
                // It may lie in one that is closed to this process, or not for writing: then it has been there before.
                do { try sync(parent) } catch {
                    guard [EACCES, EROFS, EINVAL].contains(error.code) else { throw error }
                }
                continue
            }
            try sync(parent)
        }
    }

    private static func sync(_ folder: String) throws(Fault) {
        let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Fault(call: "open \(folder)", code: errno) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw Fault(call: "fsync \(folder)", code: errno) }
    }
}
