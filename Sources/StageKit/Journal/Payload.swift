internal import Federation
internal import Glibc

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

    /// The whole as the little-endian f32 values it holds, without a copy of its bytes beside them.
    package func floats() throws -> [Float] {
        guard case .file(let path, let count) = self else { return try ClearVector.floats(read()) }
        guard count.isMultiple(of: 4) else {
            throw FederationError.malformed(place: "vector", "\(count) bytes are not a whole number of f32 values")
        }
        let file = try SpoolFile(reading: path)
        return try [Float](unsafeUninitializedCapacity: count / 4) { target, filled in
            try file.read(
                into: UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(target)[..<count]), at: 0)
            filled = count / 4
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

/// A file of the spool, written once from front to back and synced before anything speaks of it.
package final class SpoolFile {
    private let descriptor: Int32
    package let path: String
    package private(set) var count = 0

    package init(creating path: String) throws {
        self.path = path
        descriptor = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw StageError.system("open \(path)", errno) }
    }

    package init(reading path: String) throws {
        self.path = path
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
    }

    /// Gives the file a second name, to be synced with it.
    package func link(as other: String) throws {
        if unlink(other) != 0, errno != ENOENT { throw StageError.system("unlink \(other)", errno) }
        guard Glibc.link(path, other) == 0 else { throw StageError.system("link \(other)", errno) }
    }

    /// Makes the contents durable, and the name: a file that was synced may still be lost with its directory (fsync(2)).
    package func sync() throws {
        guard fdatasync(descriptor) == 0 else { throw StageError.system("fdatasync \(path)", errno) }
        let directory = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
        let parent = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard parent >= 0 else { throw StageError.system("open \(directory)", errno) }
        defer { close(parent) }
        guard fsync(parent) == 0 else { throw StageError.system("fsync \(directory)", errno) }
    }

    package func read(_ range: Range<Int>) throws -> [UInt8] {
        try [UInt8](unsafeUninitializedCapacity: range.count) { buffer, filled in
            try read(
                into: UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[..<range.count]),
                at: range.lowerBound)
            filled = range.count
        }
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
