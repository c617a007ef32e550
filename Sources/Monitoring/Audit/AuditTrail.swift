internal import Glibc
package import Sodium

/// Writes a stage's audit trail, append-only. A line is whole or missing after a kill; a loss of power may take the newest,
/// which no chain can show: other stages' trails tell of the same rounds.
///
/// One thread at a time: `EventLog` holds a lock around it.
package final class AuditTrail: @unchecked Sendable {
    private let file: Int32
    private let key: SigningKey
    private var next: UInt64
    private var previous: String

    /// Goes on behind what a former instance has written.
    package init(path: String, key: SigningKey) throws(AuditFault) {
        let file = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else { throw .unreadable("open \(path): \(String(cString: strerror(errno)))") }
        self.file = file
        self.key = key
        (next, previous) = (1, AuditEntry.beginning)
        do { try goOn() } catch {
            close(file)
            throw error
        }
    }

    deinit { close(file) }

    /// Finds the last whole line; what a loss of power has left behind it gets an end, and stays.
    private func goOn() throws(AuditFault) {
        let size = Int(lseek(file, 0, SEEK_END))
        guard size > 0 else { return }
        let length = min(size, 4 * AuditEntry.maximumBytes)
        var buffer = [UInt8](repeating: 0, count: length)
        guard pread(file, &buffer, length, off_t(size - length)) == length else {
            throw .unreadable("its end cannot be read: \(String(cString: strerror(errno)))")
        }
        if buffer.last != UInt8(ascii: "\n") { write([UInt8(ascii: "\n")]) }
        for line in buffer.split(separator: UInt8(ascii: "\n")).reversed() {
            guard let number = AuditTrail.number(of: line) else { continue }
            next = number + 1
            previous = Digest(of: Array(line)).description
            return
        }
        throw .malformed("there is no whole entry at its end; move it aside to begin another")
    }

    private static func number(of line: ArraySlice<UInt8>) -> UInt64? {
        let text = String(decoding: line.prefix(40), as: UTF8.self)
        guard text.hasPrefix("{\"entry\":"), line.last == UInt8(ascii: "}") else { return nil }
        return UInt64(text.dropFirst(9).prefix { $0.isNumber }).flatMap { $0 < .max - 1 ? $0 : nil }
    }

    /// - Parameter event: the event's line, its end included.
    func append(_ event: [UInt8]) -> Bool {
        let line = AuditEntry.line(next, after: previous, event: event.dropLast(), by: key)
        guard write(line + [UInt8(ascii: "\n")]) else { return false }
        next += 1
        previous = Digest(of: line).description
        return true
    }

    @discardableResult
    private func write(_ bytes: [UInt8]) -> Bool {
        let written = bytes.withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
        if written > 0, written < bytes.count { _ = ftruncate(file, lseek(file, 0, SEEK_END) - off_t(written)) }
        return written == bytes.count
    }
}
