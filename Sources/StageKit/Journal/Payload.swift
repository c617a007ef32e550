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

    package func read(_ range: Range<Int>) throws -> [UInt8] {
        switch self {
        case .bytes(let bytes): return Array(bytes[range])
        case .file(let path, _):
            let file = try SpoolFile(reading: path)
            return try file.read(range)
        }
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

    package func append(_ bytes: [UInt8]) throws {
        var written = 0
        while written < bytes.count {
            let result = bytes.withUnsafeBytes {
                write(descriptor, $0.baseAddress?.advanced(by: written), $0.count - written)
            }
            guard result >= 0 else {
                if errno == EINTR { continue }
                throw StageError.system("write \(path)", errno)
            }
            written += result
        }
        count += bytes.count
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
        var failure: Int32 = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: range.count) { buffer, filled in
            filled = 0
            while filled < range.count {
                let result = pread(
                    descriptor, buffer.baseAddress?.advanced(by: filled), range.count - filled,
                    range.lowerBound + filled)
                if result < 0, errno == EINTR { continue }
                guard result > 0 else {
                    failure = result == 0 ? EIO : errno
                    return
                }
                filled += result
            }
        }
        guard bytes.count == range.count else { throw StageError.system("read \(path)", failure) }
        return bytes
    }

    deinit { close(descriptor) }
}
