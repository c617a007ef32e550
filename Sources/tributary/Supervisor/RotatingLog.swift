internal import Glibc

/// A stage's log file: whole lines are appended, and a full file is moved aside.
final class RotatingLog {
    /// Past this the file becomes `.1`, `.1` becomes `.2`, and so on; the oldest goes.
    static let limit = 16 << 20
    static let kept = 3

    private let path: String
    private let limit: Int
    private var file: Descriptor
    private var size: Int
    /// The last line that was written, for the notice that a stage has died.
    private(set) var lastLine = ""
    private var partial: [UInt8] = []

    init(path: String, limit: Int = RotatingLog.limit) throws {
        self.path = path
        self.limit = limit
        (file, size) = try RotatingLog.open(path)
    }

    private static func open(_ path: String) throws -> (Descriptor, Int) {
        let file = try Descriptor.opening(path, O_WRONLY | O_CREAT | O_APPEND)
        return (file, Int(lseek(file.number, 0, SEEK_END)))
    }

    /// Takes bytes as they come from a pipe and writes what makes whole lines; a line of over 64 KiB is broken.
    func append(_ bytes: ArraySlice<UInt8>) throws {
        partial += bytes
        let newline = UInt8(ascii: "\n")
        if let last = partial.lastIndex(of: newline) {
            try write(partial[...last])
            partial.removeSubrange(...last)
        }
        if partial.count > 65_536 { try flush() }
    }

    /// Writes a last line that has no end; its process has died.
    func flush() throws {
        guard !partial.isEmpty else { return }
        try write((partial + [UInt8(ascii: "\n")])[...])
        partial = []
    }

    private func write(_ lines: ArraySlice<UInt8>) throws {
        if size > 0, size + lines.count > limit { try rotate() }
        try file.writeAll(lines)
        size += lines.count
        let body = lines.dropLast()
        let start = body.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? body.startIndex
        lastLine = String(decoding: body[start...].prefix(2000), as: UTF8.self)
    }

    private func rotate() throws {
        for number in stride(from: RotatingLog.kept - 1, through: 1, by: -1) {
            rename("\(path).\(number)", "\(path).\(number + 1)")  // what is not there need not move
        }
        guard rename(path, "\(path).1") == 0 else { throw LauncherError.system("rename \(path)") }
        (file, size) = try RotatingLog.open(path)
    }
}
