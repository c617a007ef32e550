import Glibc
import JSONText
import Safetensors
import Sodium

/// `rounds.jsonl` beside a run's releases: every round of the run in order, a line each, only ever added to. A release's manifest
/// names how much of it was there and the digest of that much, so that neither the manifests nor what is done for one of them
/// grow with the run.
///
/// What stands behind the part that the newest release names was left by a crash, and is written over.
final class RoundList {
    static let name = "rounds.jsonl"
    static let longestLine = 1 << 20

    private let path: String
    private var rounds = 0
    private var byteCount = 0
    private var hasher = SHA256.Hasher()

    /// What a release adds, on the disk and not yet part of the list.
    struct Addition {
        let history: ReleaseManifest.History
        fileprivate let hasher: SHA256.Hasher
    }

    init(directory: String) { path = "\(directory)/\(RoundList.name)" }

    /// Takes up what the newest release names of the list, which must be there as it was.
    func resume(_ history: ReleaseManifest.History) throws {
        (rounds, byteCount, hasher) = (history.rounds, 0, SHA256.Hasher())
        let reader = try FileReader(path)
        while byteCount < history.byteCount {
            let piece = try reader.read(atMost: min(1 << 20, history.byteCount - byteCount))
            guard !piece.isEmpty else { break }
            hasher.update(piece)
            byteCount += piece.count
        }
        guard byteCount == history.byteCount, hasher.copy().finish() == history.sha256 else {
            throw PublicationError.list(
                path: path,
                "this is not the list of \(history.rounds) rounds that the newest release names: put it back as it was")
        }
    }

    /// Writes rounds behind the list, durably. They count once `take` is called.
    func add(_ more: [ReleaseManifest.Round]) throws -> Addition {
        let lines = try more.flatMap { try $0.line() }
        let file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o644)
        guard file >= 0 else { throw SafetensorsError.system(operation: "open", path: path, code: errno) }
        defer { close(file) }
        guard ftruncate(file, off_t(byteCount)) == 0 else {
            throw SafetensorsError.system(operation: "shorten", path: path, code: errno)
        }
        var written = 0
        while written < lines.count {
            let count = lines.withUnsafeBytes {
                pwrite(file, $0.baseAddress?.advanced(by: written), $0.count - written, off_t(byteCount + written))
            }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw SafetensorsError.system(operation: "write", path: path, code: errno) }
            written += count
        }
        guard fsync(file) == 0 else { throw SafetensorsError.system(operation: "flush", path: path, code: errno) }
        let longer = hasher.copy()
        longer.update(lines)
        return Addition(
            history: .init(
                rounds: rounds + more.count, byteCount: byteCount + lines.count, sha256: longer.copy().finish()),
            hasher: longer)
    }

    func take(_ addition: Addition) {
        rounds = addition.history.rounds
        byteCount = addition.history.byteCount
        hasher = addition.hasher
    }
}

/// Reads a regular file from front to back. Symbolic links are not followed.
final class FileReader {
    private let file: Int32
    private let path: String

    init(_ path: String) throws {
        self.path = path
        file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard file >= 0 else { throw SafetensorsError.system(operation: "open", path: path, code: errno) }
        var status = stat()
        guard fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw SafetensorsError.system(operation: "read what is not a regular file", path: path, code: EINVAL)
        }
    }

    /// Nothing at the end.
    func read(atMost limit: Int) throws -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: limit)
        while true {
            let count = Glibc.read(file, &buffer, limit)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw SafetensorsError.system(operation: "read", path: path, code: errno) }
            buffer.removeLast(limit - count)
            return buffer
        }
    }

    deinit { close(file) }
}
