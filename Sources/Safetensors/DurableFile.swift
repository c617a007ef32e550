internal import Glibc

/// Whole files, read under a limit and written so that a crash leaves the old file or the new one.
package enum DurableFile {
    /// Reads a regular file of at most `limit` bytes.
    package static func read(_ path: String, limit: Int) throws(SafetensorsError) -> [UInt8] {
        let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard file >= 0 else { throw .system(operation: "open", path: path, code: errno) }
        defer { close(file) }
        var status = stat()
        guard fstat(file, &status) == 0 else { throw .system(operation: "stat", path: path, code: errno) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw .system(operation: "read what is not a regular file", path: path, code: EINVAL)
        }
        guard status.st_size <= limit else {
            throw .tooLarge(path: path, byteCount: Int(status.st_size), limit: limit)
        }
        var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
        var filled = 0
        while filled < bytes.count {
            let count = bytes.withUnsafeMutableBytes {
                Glibc.read(file, $0.baseAddress?.advanced(by: filled), $0.count - filled)
            }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw .system(operation: "read", path: path, code: errno) }
            guard count > 0 else { break }  // became shorter while it was read
            filled += count
        }
        bytes.removeLast(bytes.count - filled)
        return bytes
    }

    /// Creates `path`, which must not exist, and returns once its bytes are on the disk.
    package static func create(_ path: String, _ bytes: [UInt8], mode: UInt32 = 0o644) throws(SafetensorsError) {
        let file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode_t(mode))
        guard file >= 0 else { throw .system(operation: "create", path: path, code: errno) }
        defer { close(file) }
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.write(file, $0.baseAddress?.advanced(by: written), $0.count - written)
            }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw .system(operation: "write", path: path, code: errno) }
            written += count
        }
        guard fsync(file) == 0 else { throw .system(operation: "flush", path: path, code: errno) }
    }

    /// Replaces `path` in one step: a new file beside it, flushed, then renamed over it.
    package static func replace(_ path: String, with bytes: [UInt8], mode: UInt32 = 0o644) throws(SafetensorsError) {
        let temporary = "\(path).\(getpid()).part"
        if unlink(temporary) != 0, errno != ENOENT {
            throw .system(operation: "remove", path: temporary, code: errno)
        }
        try create(temporary, bytes, mode: mode)
        guard rename(temporary, path) == 0 else { throw .system(operation: "rename onto", path: path, code: errno) }
        let parent = path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        try flushDirectory(parent)
    }

    /// Makes the names in a directory durable (fsync(2): a file's own flush does not do that).
    package static func flushDirectory(_ path: String) throws(SafetensorsError) {
        let directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard directory >= 0 else { throw .system(operation: "open directory", path: path, code: errno) }
        defer { close(directory) }
        guard fsync(directory) == 0 else { throw .system(operation: "flush directory", path: path, code: errno) }
    }
}
