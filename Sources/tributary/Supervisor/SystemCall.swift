internal import Glibc
internal import StageKit

/// Why the launcher cannot do what it was asked, with the exit status that says of what sort it is (docs/operating.md).
struct LauncherError: Error, CustomStringConvertible {
    let status: Int32
    let description: String

    static func runFailed(_ text: String) -> LauncherError { LauncherError(status: 1, description: text) }
    static func timeout(_ text: String) -> LauncherError { LauncherError(status: 3, description: text) }
    static func arguments(_ text: String) -> LauncherError { LauncherError(status: 4, description: text) }
    static func configuration(_ text: String) -> LauncherError { LauncherError(status: 78, description: text) }

    /// A system call that failed: `errno` says why.
    static func system(_ operation: String) -> LauncherError {
        LauncherError(status: 5, description: "\(operation): \(String(cString: strerror(errno)))")
    }
}

/// A file descriptor of the launcher's own, closed with its last owner and never inherited.
final class Descriptor {
    let number: Int32

    init(owning number: Int32) { self.number = number }

    deinit { close(number) }

    static func opening(_ path: String, _ flags: Int32, mode: mode_t = 0o600) throws -> Descriptor {
        let number = open(path, flags | O_CLOEXEC, mode)
        guard number >= 0 else { throw LauncherError.system("open \(path)") }
        return Descriptor(owning: number)
    }

    /// Both ends close-on-exec; the reading end does not block.
    static func pipe() throws -> (reading: Descriptor, writing: Descriptor) {
        var ends: [Int32] = [0, 0]
        guard Glibc.pipe(&ends) == 0 else { throw LauncherError.system("pipe") }
        let result = (reading: Descriptor(owning: ends[0]), writing: Descriptor(owning: ends[1]))
        for end in ends where fcntl(end, F_SETFD, FD_CLOEXEC) != 0 { throw LauncherError.system("fcntl") }
        guard fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0 else { throw LauncherError.system("fcntl") }
        return result
    }

    enum Reading {
        case bytes(ArraySlice<UInt8>)
        case nothingNow
        case end
    }

    func read(into buffer: inout [UInt8]) throws -> Reading {
        while true {
            let count = Glibc.read(number, &buffer, buffer.count)
            if count > 0 { return .bytes(buffer[..<count]) }
            if count == 0 { return .end }
            if errno == EAGAIN { return .nothingNow }
            guard errno == EINTR else { throw LauncherError.system("read") }
        }
    }

    func writeAll(_ bytes: some Collection<UInt8>) throws {
        let bytes = Array(bytes)
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.write(number, $0.baseAddress?.advanced(by: written), bytes.count - written)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw LauncherError.system("write") }
            written += count
        }
    }
}

enum Folders {
    /// Makes `path` and what is missing above it, for this user alone; stages keep their states in some of them, so that they are on
    /// the disk when this returns.
    static func make(_ path: String) throws {
        do { try StateFolder.make(path, parents: 0o700) } catch {
            errno = error.code
            throw LauncherError.system(error.call)
        }
    }
}

enum TimeOfDay {
    /// Seconds since 1970, UTC.
    static func seconds() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }

    /// RFC 3339 in UTC with milliseconds.
    static func now() -> String { rfc3339(seconds()) }

    static func rfc3339(_ instant: Double) -> String {
        let whole = instant.rounded(.down)
        let time = timespec(tv_sec: Int(whole), tv_nsec: Int((instant - whole) * 1e9))
        var parts = tm()
        var seconds = time.tv_sec
        gmtime_r(&seconds, &parts)
        func padded(_ number: Int, _ width: Int) -> String {
            let digits = String(number)
            return String(repeating: "0", count: max(0, width - digits.count)) + digits
        }
        let date = [
            padded(Int(parts.tm_year) + 1900, 4), padded(Int(parts.tm_mon) + 1, 2), padded(Int(parts.tm_mday), 2),
        ]
        let clock = [padded(Int(parts.tm_hour), 2), padded(Int(parts.tm_min), 2), padded(Int(parts.tm_sec), 2)]
        return "\(date.joined(separator: "-"))T\(clock.joined(separator: ":")).\(padded(time.tv_nsec / 1_000_000, 3))Z"
    }
}
