internal import Glibc
internal import Sodium

/// Files of keys: made whole or not at all, never replaced; a secret is read straight into guarded memory.
enum KeyFile {
    /// A key of 4096 bits that 64 clouds share is well below.
    static let maximumByteCount = 262_144

    // MARK: reading

    /// Reads a secret whose file only its owner, this process's user, can use.
    ///
    /// - Parameter isLent: by whoever supervises this process. Then root may own it, who can read all files anyway, and a
    ///   group may read it: systemd's credentials show their access list there (acl(5)), Kubernetes' secrets the pod's group.
    static func secret(at path: String, what: String, isLent: Bool = false) throws -> SecretBytes {
        try opened(path, what: what) { descriptor, information in
            let mode = information.st_mode & 0o7777
            if isLent, information.st_uid == 0, geteuid() != 0 {
                guard mode & 0o037 == 0 else { throw KeyError.exposed(path: path, mode: mode, wanted: 0o440) }
                return try SecretBytes(count: Int(information.st_size)) { try fill($0, from: descriptor, path: path) }
            }
            guard information.st_uid == geteuid() else {
                throw KeyError.foreign(path: path, owner: information.st_uid, user: geteuid())
            }
            guard mode & 0o077 == 0 else { throw KeyError.exposed(path: path, mode: mode, wanted: 0o600) }
            return try SecretBytes(count: Int(information.st_size)) { try fill($0, from: descriptor, path: path) }
        }
    }

    static func open(at path: String, what: String) throws -> [UInt8] {
        try opened(path, what: what) { descriptor, information in
            var bytes = [UInt8](repeating: 0, count: Int(information.st_size))
            try bytes.withUnsafeMutableBytes { try fill($0, from: descriptor, path: path) }
            return bytes
        }
    }

    static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    private static func opened<Result>(
        _ path: String, what: String, _ body: (Int32, stat) throws -> Result
    ) throws -> Result {
        let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            if errno == ENOENT { throw KeyError.missing(path: path, what: what) }
            throw failure("read", path)
        }
        defer { close(descriptor) }
        var information = stat()
        guard fstat(descriptor, &information) == 0 else { throw failure("examine", path) }
        guard information.st_mode & S_IFMT == S_IFREG else {
            throw KeyError.malformed(path: path, "is not a regular file")
        }
        guard (1...maximumByteCount).contains(Int(information.st_size)) else {
            throw KeyError.malformed(
                path: path, "expected 1 to \(maximumByteCount) bytes, found \(information.st_size)")
        }
        return try body(descriptor, information)
    }

    private static func fill(_ target: UnsafeMutableRawBufferPointer, from descriptor: Int32, path: String) throws {
        var length = 0
        while length < target.count {
            let count = read(descriptor, target.baseAddress?.advanced(by: length), target.count - length)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw failure("read", path) }
            guard count > 0 else { throw KeyError.malformed(path: path, "became shorter while it was read") }
            length += count
        }
    }

    // MARK: writing

    /// Writes beside `path`, then links the file to its name: link(2) fails where the name is taken, and a crash leaves
    /// no half a key. On the disk, by its name, when this returns.
    static func create(_ path: String, mode: mode_t, _ bytes: UnsafeRawBufferPointer) throws {
        try write(path, mode: mode, bytes) { draft in
            guard link(draft, path) == 0 else {
                if errno == EEXIST { throw KeyError.exists(path: path) }
                throw failure("name", path)
            }
        }
    }

    /// The same for what is no key and may change: it takes the place of what is there, whole or not at all.
    static func replace(_ path: String, mode: mode_t, _ bytes: UnsafeRawBufferPointer) throws {
        try write(path, mode: mode, bytes) { draft in
            guard rename(draft, path) == 0 else { throw failure("name", path) }
        }
    }

    private static func write(
        _ path: String, mode: mode_t, _ bytes: UnsafeRawBufferPointer, _ named: (_ draft: String) throws -> Void
    ) throws {
        let draft = "\(path).\(getpid()).\(Hex.encode(try SystemRandom.bytes(count: 6)))"
        let descriptor = Glibc.open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode)
        guard descriptor >= 0 else { throw failure("create", draft) }
        defer {
            close(descriptor)
            unlink(draft)
        }
        guard fchmod(descriptor, mode) == 0 else { throw failure("set the mode of", draft) }  // whatever the umask is
        var written = 0
        while written < bytes.count {
            let count = Glibc.write(descriptor, bytes.baseAddress?.advanced(by: written), bytes.count - written)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw failure("write", draft) }
            written += count
        }
        guard fsync(descriptor) == 0 else { throw failure("flush", draft) }
        try named(draft)
        unlink(draft)
        try flushFolder(of: path)
    }

    /// Makes the names beside `path` durable, its own among them: a file's own flush does not do that (fsync(2)).
    ///
    /// - Parameter isMade: whether it was made by this process. If not, what it lies in may be closed to this process, or not be for writing.
    private static func flushFolder(of path: String, isMade: Bool = true) throws {
        let folder = path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        let descriptor = Glibc.open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else {
            if !isMade, errno == EACCES { return }
            throw failure("open", folder)
        }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else {
            if !isMade, errno == EROFS || errno == EINVAL { return }
            throw failure("flush", folder)
        }
    }

    /// Makes the folders of `parts` one inside the other below `root`. A private one that others can reach is refused. Each is on
    /// the disk, by its name, when this returns.
    static func makeFolders(_ parts: [String], below root: String, mode: mode_t) throws {
        var deepest = try makeAncestors(of: root)
        var path = root
        if try !makeFolder(path, mode: 0o700) { deepest = path }
        // Whoever made it may have been killed before its flush; those above it were flushed before it was made.
        if let deepest { try flushFolder(of: deepest, isMade: false) }
        for part in parts {
            path += "/\(part)"
            try makeFolder(path, mode: mode)
            // One that was here may have been made by a process that was killed before its flush.
            try flushFolder(of: path)
            var information = stat()
            guard stat(path, &information) == 0 else { throw failure("examine", path) }
            guard information.st_mode & S_IFMT == S_IFDIR else {
                throw KeyError.malformed(path: path, "is not a folder")
            }
            let excess = information.st_mode & 0o7777 & ~mode & 0o077
            guard excess == 0 else {
                throw KeyError.exposed(path: path, mode: information.st_mode & 0o7777, wanted: mode)
            }
        }
    }

    /// The deepest that was there; nil where all were made.
    private static func makeAncestors(of root: String) throws -> String? {
        var path = root.hasPrefix("/") ? "" : "."
        var deepest: String?
        for part in root.split(separator: "/").dropLast() {
            path += "/\(part)"
            if try !makeFolder(path, mode: 0o755) { deepest = path }
        }
        return deepest
    }

    /// False where it was there.
    @discardableResult
    private static func makeFolder(_ path: String, mode: mode_t) throws -> Bool {
        guard mkdir(path, mode) != 0 else {
            try flushFolder(of: path)
            return true
        }
        guard errno == EEXIST else { throw failure("make the folder", path) }
        return false
    }

    static func failure(_ operation: String, _ path: String) -> KeyError {
        .system(operation: operation, path: path, reason: String(cString: strerror(errno)))
    }
}
