internal import Glibc
internal import Monitoring
internal import Synchronization

/// Several clouds may have one file, or the standard output: one at a time writes to it.
final class Turn: Sendable {
    private static let turns = Mutex<[String: Turn]>([:])
    private let lock = Mutex(())

    static func at(_ name: String) -> Turn {
        turns.withLock { turns in
            let turn = turns[name] ?? Turn()
            turns[name] = turn
            return turn
        }
    }

    func take<Result>(_ body: () throws -> Result) rethrows -> Result {
        try lock.withLock { _ in try body() }
    }
}

/// Events' lines on standard output or standard error. A reader that is gone is no failure that goes by: the lines are kept.
final class StreamSink: Sink {
    let takesEvents = false
    let settlesAfter = Duration.zero
    private let descriptor: Int32

    init(_ descriptor: Int32) { self.descriptor = descriptor }

    func deliver(_ entries: [SpooledEvent]) throws -> Receipt {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(entries.reduce(0) { $0 + $1.line.count + 1 })
        for entry in entries {
            bytes += entry.line
            bytes.append(UInt8(ascii: "\n"))
        }
        let name = "standard \(descriptor == 1 ? "output" : "error")"
        try Turn.at(name).take { try Self.write(bytes, to: descriptor, name) }
        return Receipt()
    }

    /// Whole, or not at all as far as that can be: of what is cut off, a later try writes all again.
    static func write(_ bytes: [UInt8], to descriptor: Int32, _ what: String) throws {
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.write(descriptor, $0.baseAddress?.advanced(by: written), bytes.count - written)
            }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw SinkFault("write to \(what)", errno: errno) }
            written += count
        }
    }
}

/// Events' lines in a file that is moved aside when it is full. One that somebody else moves (logrotate(8)) is made anew.
final class FileSink: Sink {
    let takesEvents = false
    let settlesAfter = Duration.zero
    private let path: String
    private let limit: Int
    private let kept: Int
    private var file: Int32 = -1
    private var size = 0

    init(path: String, rotate limit: Int, keep: Int) {
        self.path = path
        self.limit = limit
        kept = keep
    }

    deinit { if file >= 0 { close(file) } }

    func deliver(_ entries: [SpooledEvent]) throws -> Receipt {
        try Turn.at(path).take { try append(entries) }
        return Receipt()
    }

    private func append(_ entries: [SpooledEvent]) throws {
        try follow()
        var bytes: [UInt8] = []
        bytes.reserveCapacity(entries.reduce(0) { $0 + $1.line.count + 1 })
        for entry in entries {
            if size + bytes.count > 0, size + bytes.count + entry.line.count + 1 > limit {
                try append(bytes)
                bytes = []
                try rotate()
            }
            bytes += entry.line
            bytes.append(UInt8(ascii: "\n"))
        }
        try append(bytes)
    }

    private func append(_ bytes: [UInt8]) throws {
        do { try StreamSink.write(bytes, to: file, path) } catch {
            // A full disk may have taken a part: the next try writes whole lines after whole lines.
            ftruncate(file, off_t(size))
            throw error
        }
        size += bytes.count
    }

    private func follow() throws {
        var there = stat()
        var own = stat()
        let isThere = stat(path, &there) == 0
        if file >= 0, isThere, fstat(file, &own) == 0, own.st_ino == there.st_ino, own.st_dev == there.st_dev {
            size = Int(own.st_size)
            return
        }
        try open()
    }

    private func open() throws {
        if file >= 0 { close(file) }
        file = Glibc.open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o640)
        guard file >= 0 else { throw SinkFault("open \(path)", errno: errno) }
        size = Int(lseek(file, 0, SEEK_END))
    }

    private func rotate() throws {
        if kept == 0 {
            guard ftruncate(file, 0) == 0 else { throw SinkFault("truncate \(path)", errno: errno) }
            size = 0
            return
        }
        for number in stride(from: kept - 1, through: 1, by: -1) {
            rename("\(path).\(number)", "\(path).\(number + 1)")  // what is not there need not move
        }
        guard rename(path, "\(path).1") == 0 else { throw SinkFault("rename \(path)", errno: errno) }
        try open()
    }
}
