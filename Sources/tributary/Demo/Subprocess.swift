internal import FoundationEssentials
internal import Glibc

/// A program that does one thing and ends, its lines heard while it works.
enum Subprocess {
    /// Throws with the last lines that it wrote if it fails.
    static func run(_ path: String, _ arguments: [String], onLine: (String) -> Void) throws {
        let (pid, reading) = try start(path, arguments)
        var item = pollfd(fd: reading.number, events: Int16(POLLIN), revents: 0)
        var buffer = [UInt8](repeating: 0, count: 65_536)
        var partial: [UInt8] = []
        var last: [String] = []
        reading: while true {
            guard poll(&item, 1, -1) >= 0 || errno == EINTR else { throw LauncherError.system("poll") }
            switch try reading.read(into: &buffer) {
            case .nothingNow: continue
            case .end: break reading
            case .bytes(let bytes):
                partial += bytes
                var parts = partial.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
                partial = Array(parts.removeLast())
                for part in parts {
                    let line = String(decoding: part, as: UTF8.self)
                    onLine(line)
                    last = Array((last + [line]).suffix(3))
                }
            }
        }
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0, errno == EINTR {}
        guard status == 0 else {
            throw LauncherError.runFailed("\(path) \(arguments.first ?? "") failed: \(last.joined(separator: " / "))")
        }
    }

    /// The writing end is the child's alone once this returns, so that its end ends the lines.
    private static func start(_ path: String, _ arguments: [String]) throws -> (Int32, Descriptor) {
        let (reading, writing) = try Descriptor.pipe()
        let pid = try StageProcess.start(
            path, arguments, environment: StageProcess.environment(["NOTIFY_SOCKET": nil]), output: writing)
        return (pid, reading)
    }
}
