import Federation
import Foundation
import Glibc

/// A stage's process: its log goes line by line into the book, its end as the last line.
struct StageChild: Sendable {
    let pid: pid_t

    struct CannotStart: Error, CustomStringConvertible {
        let description: String
    }

    init(_ stage: StageName, program: String, arguments: [String], book: EventBook) throws {
        var ends: [Int32] = [0, 0]
        // A socket pair, because it is closed in other children from the start; pipe2(2) is not to be had from Swift.
        guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0, &ends) == 0 else {
            throw CannotStart(description: "socketpair: \(errno)")
        }
        let (reading, writing) = (ends[0], ends[1])
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, writing, 1)
        posix_spawn_file_actions_adddup2(&actions, writing, 2)
        var pid: pid_t = 0
        var words: [UnsafeMutablePointer<CChar>?] = ([program] + arguments).map { strdup($0) } + [nil]
        defer { for word in words { free(word) } }
        let result = posix_spawn(&pid, program, &actions, nil, &words, environ)
        close(writing)
        guard result == 0 else {
            close(reading)
            throw CannotStart(description: "\(program): \(String(cString: strerror(result)))")
        }
        self.pid = pid
        Thread { [pid] in Self.read(reading, pid, stage, book) }.start()
    }

    private static func read(_ descriptor: Int32, _ pid: pid_t, _ stage: StageName, _ book: EventBook) {
        var rest: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            rest += buffer[..<count]
            while let end = rest.firstIndex(of: 10) {
                let line = String(decoding: rest[..<end], as: UTF8.self)
                rest.removeSubrange(...end)
                if !line.isEmpty { book.add(StageEvent(stage, line: line)) }
            }
        }
        close(descriptor)
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0, errno == EINTR {}
        let signal = status & 0x7f
        let end = signal == 0 ? ("exited", "status", status >> 8 & 0xff) : ("killed", "signal", signal)
        book.add(
            StageEvent(
                stage, name: end.0, fields: [end.1: "\(end.2)", "pid": "\(pid)"],
                line: "\(stage) \(end.0) \(end.1) \(end.2)"))
    }
}
