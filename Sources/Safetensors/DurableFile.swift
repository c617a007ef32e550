internal import Glibc

/// Whole files, read under a limit and written so that a crash leaves the old file or the new one.
package enum DurableFile {
    /// Reads a regular file of at most `limit` bytes.
    package static func read(_ path: String, limit: Int) throws(SafetensorsError) -> [UInt8] {
        let file = try RegularFile(path, to: "read")
        guard file.byteCount <= limit else {
            throw .tooLarge(path: path, byteCount: file.byteCount, limit: limit)
        }
        return try file.bytes()
    }

    /// Creates `path`, which must not exist, and returns once its bytes are on the disk.
    package static func create(_ path: String, _ bytes: [UInt8], mode: UInt32 = 0o644) throws(SafetensorsError) {
        let file = try write(path, bytes, mode: mode)
        defer { close(file) }
        try flush(file, path)
    }

    /// Creates several files in a folder, none of which may exist, and returns once all are on the disk: written first and flushed then, so that
    /// the disk is waited for once and not by each of them.
    ///
    /// - Parameter afterWriting: is told of each.
    package static func create(
        _ files: [(name: String, bytes: [UInt8])], in folder: String, afterWriting: (String) throws -> Void
    ) throws {
        var written: [(file: Int32, path: String)] = []
        defer { for each in written { close(each.file) } }
        for (name, bytes) in files {
            let path = "\(folder)/\(name)"
            written.append((try write(path, bytes, mode: 0o644), path))
            try afterWriting(name)
        }
        for each in written { try flush(each.file, each.path) }
    }

    private static func flush(_ file: Int32, _ path: String) throws(SafetensorsError) {
        guard fsync(file) == 0 else { throw .system(operation: "flush", path: path, code: errno) }
    }

    /// The new file, open; on an error it is closed.
    private static func write(_ path: String, _ bytes: [UInt8], mode: UInt32) throws(SafetensorsError) -> Int32 {
        let file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode_t(mode))
        guard file >= 0 else { throw .system(operation: "create", path: path, code: errno) }
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.write(file, $0.baseAddress?.advanced(by: written), $0.count - written)
            }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else {
                let code = errno
                close(file)
                throw .system(operation: "write", path: path, code: code)
            }
            written += count
        }
        return file
    }

    /// Replaces `path` in one step: a new file beside it, flushed, then renamed over it.
    package static func replace(_ path: String, with bytes: [UInt8], mode: UInt32 = 0o644) throws(SafetensorsError) {
        let temporary = "\(path).\(getpid()).part"
        if unlink(temporary) != 0, errno != ENOENT {
            throw .system(operation: "remove", path: temporary, code: errno)
        }
        try create(temporary, bytes, mode: mode)
        guard rename(temporary, path) == 0 else { throw .system(operation: "rename onto", path: path, code: errno) }
        try flushDirectory(parent(of: path))
    }

    /// Makes a directory, and those that it lies in, where they are not there; each is on the disk, by its name, when this returns.
    package static func makeDirectories(_ path: String, mode: UInt32 = 0o755) throws(SafetensorsError) {
        let above = parent(of: path)
        // Whoever made it may have been killed before the flush; those above it were flushed before it was made.
        guard access(path, F_OK) != 0 else { return try flushDirectory(above, isOwn: false) }
        if above != path { try makeDirectories(above, mode: mode) }
        guard mkdir(path, mode_t(mode)) == 0 || errno == EEXIST else {
            throw .system(operation: "make the directory", path: path, code: errno)
        }
        try flushDirectory(above, isOwn: true)
    }

    /// - Parameter isOwn: whether something was made in it. Another's may be closed to this process, or not be for writing.
    private static func flushDirectory(_ path: String, isOwn: Bool) throws(SafetensorsError) {
        do { try flushDirectory(path) } catch {
            guard !isOwn, case .system(_, _, let code) = error, [EACCES, EROFS, EINVAL].contains(code) else {
                throw error
            }
        }
    }

    private static func parent(of path: String) -> String {
        path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
    }

    /// Makes the names in a directory durable (fsync(2): a file's own flush does not do that).
    package static func flushDirectory(_ path: String) throws(SafetensorsError) {
        let directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard directory >= 0 else { throw .system(operation: "open directory", path: path, code: errno) }
        defer { close(directory) }
        guard fsync(directory) == 0 else { throw .system(operation: "flush directory", path: path, code: errno) }
    }
}
