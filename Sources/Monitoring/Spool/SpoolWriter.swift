internal import Glibc

/// Keeps a stage's newest events on its disk, bounded: whoever ships them reads them from there at its own pace, so that no
/// collector can slow a round. A line is whole or missing after a kill; a loss of power may take the newest.
///
/// One thread at a time: `EventLog` holds a lock around it.
package final class SpoolWriter: @unchecked Sendable {
    /// What is kept by default: at 300 bytes an event some 200,000 of them.
    package static let defaultLimit = 64 << 20
    private static let segments = 16

    private let folder: String
    private let limit: Int
    private var segment: SpoolSegment
    private var file: Int32
    private var size: Int
    private var next: UInt64

    /// Goes on after what a former instance has kept. Throws errno's text where the folder cannot be written to.
    ///
    /// - Parameter limit: bytes; the oldest go first.
    package init(folder: String, limit: Int = SpoolWriter.defaultLimit) throws(SpoolFault) {
        self.folder = folder
        self.limit = limit
        if mkdir(folder, 0o700) != 0, errno != EEXIST { throw SpoolFault("mkdir \(folder)", errno) }
        let last = SpoolSegment.all(in: folder).last ?? SpoolSegment(folder: folder, first: 0)
        let (lines, isTorn) = try SpoolWriter.count(last.path)
        segment = last
        next = last.first + lines
        (file, size) = try SpoolWriter.open(last.path)
        if isTorn {
            // The end of a line that a loss of power cut: it stays a line, which readers step over.
            _ = write([UInt8(ascii: "\n")])
            next += 1
        }
    }

    deinit { close(file) }

    /// Keeps a line, with its end; false where the disk does not take it.
    package func append(_ line: [UInt8]) -> Bool {
        if size > 0, size + line.count > limit / Self.segments, !beginSegment() { return false }
        guard write(line) else { return false }
        next += 1
        return true
    }

    private func write(_ line: [UInt8]) -> Bool {
        let written = line.withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
        if written == line.count {
            size += written
            return true
        }
        // A full disk may take a part: what it took is taken back, so that the next line is whole.
        if written > 0 { _ = ftruncate(file, off_t(size)) }
        return false
    }

    private func beginSegment() -> Bool {
        let new = SpoolSegment(folder: folder, first: next)
        do {
            let (descriptor, length) = try SpoolWriter.open(new.path)
            close(file)
            (file, size, segment) = (descriptor, length, new)
        } catch { return false }
        let segments = SpoolSegment.all(in: folder)
        for old in segments.dropLast(Self.segments) where old != new { unlink(old.path) }
        return true
    }

    private static func open(_ path: String) throws(SpoolFault) -> (Int32, Int) {
        let file = Glibc.open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else { throw SpoolFault("open \(path)", errno) }
        return (file, Int(lseek(file, 0, SEEK_END)))
    }

    private static func count(_ path: String) throws(SpoolFault) -> (lines: UInt64, isTorn: Bool) {
        let file = Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard file >= 0 else {
            if errno == ENOENT { return (0, false) }
            throw SpoolFault("open \(path)", errno)
        }
        defer { close(file) }
        var buffer = [UInt8](repeating: 0, count: 1 << 18)
        var lines: UInt64 = 0
        var last = UInt8(ascii: "\n")
        while true {
            let count = read(file, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            for byte in buffer[..<count] where byte == UInt8(ascii: "\n") { lines += 1 }
            last = buffer[count - 1]
        }
        return (lines, last != UInt8(ascii: "\n"))
    }
}

/// A spool that cannot be used.
package struct SpoolFault: Error, Equatable, CustomStringConvertible {
    package let description: String

    init(_ what: String, _ code: Int32) { description = "\(what): \(String(cString: strerror(code)))" }
}
