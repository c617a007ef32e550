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

    init(path: String, limit: Int = RotatingLog.limit) throws {
        self.path = path
        self.limit = limit
        (file, size) = try RotatingLog.open(path)
    }

    private static func open(_ path: String) throws -> (Descriptor, Int) {
        let file = try Descriptor.opening(path, O_WRONLY | O_CREAT | O_APPEND)
        return (file, Int(lseek(file.number, 0, SEEK_END)))
    }

    /// Appends whole lines.
    func write(_ lines: ArraySlice<UInt8>) throws {
        if size > 0, size + lines.count > limit { try rotate() }
        try file.writeAll(lines)
        size += lines.count
    }

    private func rotate() throws {
        for number in stride(from: RotatingLog.kept - 1, through: 1, by: -1) {
            rename("\(path).\(number)", "\(path).\(number + 1)")  // what is not there need not move
        }
        guard rename(path, "\(path).1") == 0 else { throw LauncherError.system("rename \(path)") }
        (file, size) = try RotatingLog.open(path)
    }
}
