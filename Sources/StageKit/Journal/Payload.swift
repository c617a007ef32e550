internal import CLinux
internal import Federation
internal import Glibc
package import Sodium

/// The bytes of a transfer: in memory while small, in a spool file otherwise.
package enum Payload: Sendable, Equatable {
    case bytes([UInt8])
    case file(path: String, count: Int)

    /// Up to here bytes lie inside the journal, in the same transaction as what they mean.
    package static let inlineLimit = 256 << 10

    package var count: Int {
        switch self {
        case .bytes(let bytes): bytes.count
        case .file(_, let count): count
        }
    }

    package func read() throws -> [UInt8] { try read(0..<count) }

    /// Removes the file, if there is one: nothing speaks of it.
    package func discard() {
        // A file that stays because it cannot be removed now is swept at the next start.
        if case .file(let path, _) = self { unlink(path) }
    }

    /// Lends the whole without a copy: a file is mapped, so that its bytes are the page cache's and not this process's own.
    package func withBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) throws -> Result {
        switch self {
        case .bytes(let bytes): return try bytes.withUnsafeBytes(body)
        case .file(let path, let count): return try SpoolFile(reading: path).withBytes(count: count, body)
        }
    }

    /// Makes a file durable that was written without a sync.
    package func sync() throws {
        if case .file(let path, _) = self { try SpoolFile(reading: path).sync() }
    }

    /// Opens the payload to be read later: what is open stays readable when the journal lets go of the file.
    package func opened() throws -> OpenPayload {
        switch self {
        case .bytes(let bytes): OpenPayload(bytes: bytes)
        case .file(let path, let count): OpenPayload(file: try SpoolFile(reading: path), count: count)
        }
    }

    package func read(_ range: Range<Int>) throws -> [UInt8] {
        switch self {
        case .bytes(let bytes): return Array(bytes[range])
        case .file(let path, _):
            let file = try SpoolFile(reading: path)
            return try file.read(range)
        }
    }
}

/// Reads a payload piece by piece; its file is opened with the first.
final class PayloadReader {
    private let payload: Payload
    private var file: SpoolFile?

    init(_ payload: Payload) { self.payload = payload }

    func read(_ range: Range<Int>) throws -> [UInt8] {
        guard case .file(let path, _) = payload else { return try payload.read(range) }
        let file = try self.file ?? SpoolFile(reading: path)
        self.file = file
        return try file.read(range)
    }
}

/// A payload whose file, if it has one, cannot vanish any more.
package final class OpenPayload: Sendable {
    private let bytes: [UInt8]
    // A file opened for reading is never changed, and pread(2) may be called from any thread.
    nonisolated(unsafe) private let file: SpoolFile?
    package let count: Int

    fileprivate init(bytes: [UInt8]) {
        self.bytes = bytes
        file = nil
        count = bytes.count
    }

    fileprivate init(file: SpoolFile, count: Int) {
        bytes = []
        self.file = file
        self.count = count
    }

    /// The whole as the little-endian f32 values it holds, without a copy of its bytes beside them.
    package func floats() throws -> [Float] {
        guard let file else { return try ClearVector.floats(bytes) }
        return try file.floats(0..<count)
    }

    /// Some of them.
    package func floats(_ values: Range<Int>) throws -> [Float] {
        let range = values.lowerBound * 4..<values.upperBound * 4
        guard let file else { return try ClearVector.floats(Array(bytes[range])) }
        return try file.floats(range)
    }
}

/// Takes a payload in pieces and digests it on the way: small ones stay in memory, large ones go to a spool file.
package final class PayloadWriter {
    private let path: String
    private let isSynced: Bool
    private let hasher = Digest.ContentHasher()
    private var bytes: [UInt8] = []
    private var file: SpoolFile?

    /// - Parameters:
    ///   - path: the file, should there have to be one; what is there is overwritten.
    ///   - isSynced: false for what can be made again (`StageContext.sendUnsynced`): it seldom lives long enough to reach the
    ///     disk.
    package init(path: String, isSynced: Bool = true) {
        self.path = path
        self.isSynced = isSynced
    }

    package func append(_ piece: UnsafeRawBufferPointer) throws {
        hasher.update(piece)
        if file == nil, bytes.count + piece.count > Payload.inlineLimit {
            file = try SpoolFile(creating: path, isSynced: isSynced)
            try file?.append(bytes)
            bytes = []
        }
        if let file { try file.append(contentsOf: piece) } else { bytes += piece }
    }

    /// Lets go of what was written: it will not be finished.
    package func discard() {
        if let file { unlink(file.path) }
    }

    /// The payload and its digest.
    package func finish() throws -> (payload: Payload, digest: Digest) {
        if isSynced { try file?.sync() }
        return (file.map { .file(path: $0.path, count: $0.count) } ?? .bytes(bytes), hasher.finish())
    }
}

/// A file of the spool, written once from front to back and synced before anything speaks of it.
package final class SpoolFile {
    private let descriptor: Int32
    package let path: String
    package private(set) var count = 0
    /// Folders beside its own in which it has a name.
    private var otherFolders: [String] = []
    /// Up to here the disk has been told to write.
    private var begun = 0
    private static let stretch = 512 << 10
    private let isWrittenAhead: Bool

    /// - Parameter isSynced: it will be, so its pages are written as they come.
    package init(creating path: String, isSynced: Bool = true) throws {
        self.path = path
        isWrittenAhead = isSynced
        descriptor = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw StageError.system("open \(path)", errno) }
    }

    package init(reading path: String) throws {
        self.path = path
        isWrittenAhead = false
        descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else { throw StageError.system("open \(path)", errno) }
    }

    package func append(_ bytes: [UInt8]) throws { try bytes.withUnsafeBytes { try append(contentsOf: $0) } }

    package func append(contentsOf bytes: UnsafeRawBufferPointer) throws {
        var written = 0
        while written < bytes.count {
            let result = write(descriptor, bytes.baseAddress?.advanced(by: written), bytes.count - written)
            guard result >= 0 else {
                if errno == EINTR { continue }
                throw StageError.system("write \(path)", errno)
            }
            written += result
        }
        count += bytes.count
        // The disk is at work while the rest is made or received: a sync then waits for the tail alone.
        guard isWrittenAhead, count - begun >= SpoolFile.stretch else { return }
        tributary_begin_writing(descriptor, Int64(begun), Int64(count - begun))
        begun = count
    }

    /// Gives the file a second name, to be synced with it.
    package func link(as other: String) throws {
        if unlink(other) != 0, errno != ENOENT { throw StageError.system("unlink \(other)", errno) }
        guard Glibc.link(path, other) == 0 else { throw StageError.system("link \(other)", errno) }
        otherFolders.append(SpoolFile.folder(of: other))
    }

    private static func folder(of path: String) -> String { path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "." }

    /// Makes the contents durable, and the names: a file that was synced may still be lost with its directory (fsync(2)).
    package func sync() throws {
        guard fdatasync(descriptor) == 0 else { throw StageError.system("fdatasync \(path)", errno) }
        for folder in [SpoolFile.folder(of: path)] + otherFolders { try SpoolFile.sync(folder: folder) }
    }

    private static func sync(folder: String) throws {
        let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw StageError.system("open \(folder)", errno) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw StageError.system("fsync \(folder)", errno) }
    }

    package func read(_ range: Range<Int>) throws -> [UInt8] {
        try [UInt8](unsafeUninitializedCapacity: range.count) { buffer, filled in
            try read(
                into: UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[..<range.count]),
                at: range.lowerBound)
            filled = range.count
        }
    }

    /// The little-endian f32 values that lie in `range` of the file's bytes.
    package func floats(_ range: Range<Int>) throws -> [Float] {
        guard range.count.isMultiple(of: 4) else {
            throw FederationError.malformed(
                place: "vector", "\(range.count) bytes are not a whole number of f32 values")
        }
        return try [Float](unsafeUninitializedCapacity: range.count / 4) { target, filled in
            try read(
                into: UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(target)[..<range.count]),
                at: range.lowerBound)
            filled = range.count / 4
        }
    }

    /// Lends the first `count` bytes, mapped. Fewer are an error; nobody shortens a file of the spool while it is read.
    func withBytes<Result>(count: Int, _ body: (UnsafeRawBufferPointer) throws -> Result) throws -> Result {
        var information = stat()
        guard fstat(descriptor, &information) == 0 else { throw StageError.system("stat \(path)", errno) }
        guard information.st_size >= count else { throw StageError.system("read \(path)", EIO) }
        guard count > 0 else { return try body(UnsafeRawBufferPointer(start: nil, count: 0)) }
        let address = mmap(nil, count, PROT_READ, MAP_PRIVATE | MAP_POPULATE, descriptor, 0)
        guard let address, address != MAP_FAILED else { throw StageError.system("mmap \(path)", errno) }
        defer { munmap(address, count) }
        return try body(UnsafeRawBufferPointer(start: address, count: count))
    }

    /// Fills `buffer` with the bytes from `offset` on; fewer are an error.
    package func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws {
        var filled = 0
        while filled < buffer.count {
            let result = pread(
                descriptor, buffer.baseAddress?.advanced(by: filled), buffer.count - filled, offset + filled)
            if result < 0, errno == EINTR { continue }
            guard result > 0 else { throw StageError.system("read \(path)", result == 0 ? EIO : errno) }
            filled += result
        }
    }

    deinit { close(descriptor) }
}
