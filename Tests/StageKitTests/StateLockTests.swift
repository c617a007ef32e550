import Foundation
import Glibc
import StageKit
import Testing

@Suite("A stage's state and two processes", .timeLimit(.minutes(3)))
struct StateLockTests {
    private struct Nobody: Error {}

    /// Waits for the holder to say that it is ready, and answers its process.
    private func holder(of directory: String) async throws -> Int32 {
        let began = ContinuousClock.now
        while began.duration(to: .now) < .seconds(60) {
            if let text = FileManager.default.contents(atPath: "\(directory)/lock") {
                let words = String(decoding: text, as: UTF8.self).split(whereSeparator: \.isWhitespace)
                if words.count == 2, words[0] == "ready", let pid = Int32(words[1]) { return pid }
            }
            try await Task.sleep(for: .milliseconds(20))
        }
        throw Nobody()
    }

    @Test("The second is refused by the name of the first, and may start when the first has been killed")
    func contention() async throws {
        let folder = try Folder()
        let directory = "\(folder.path)/state"
        // A process of its own: it takes the state, and stays until it is killed.
        async let first = #expect(processExitsWith: .signal(SIGKILL)) { [directory = directory as String] in
            let lock = try StateLock(directory)
            try lock.note(.ready)
            while true { sleep(1) }
        }
        let pid = try await holder(of: directory)
        #expect(pid != getpid())
        let error = #expect(throws: StageError.self) { try StateLock(directory) }
        #expect(
            error?.description
                == "\(directory) is in use by process \(pid) (ready) of this stage: stop it first, or wait for it")
        // Another start may find it free: of a launcher that was killed the stages end some moments later.
        #expect(error?.exitStatus == .inUse)
        #expect(kill(pid, SIGKILL) == 0)
        #expect(await first != nil)
        // The file still names the dead: it is the lock that counts.
        let lock = try StateLock(directory)
        defer { lock.release() }
        // Its holder has not said who it is.
        let next = #expect(throws: StageError.self) { try StateLock(directory) }
        #expect(next?.description.contains("is in use by another process of this stage") == true)
        try lock.note(.starting)
        let named = #expect(throws: StageError.self) { try StateLock(directory) }
        #expect(named?.description.contains("by process \(getpid()) (starting)") == true)
    }

    @Test("Another stage's state beside it may be taken")
    func other() throws {
        let folder = try Folder()
        let first = try StateLock("\(folder.path)/one")
        defer { first.release() }
        let second = try StateLock("\(folder.path)/two")
        second.release()
    }

    @Test("A folder that others can reach, or that is a link, is refused")
    func exposed() throws {
        let folder = try Folder()
        try StateLock("\(folder.path)/one").release()
        #expect(chmod("\(folder.path)/one", 0o750) == 0)
        let error = #expect(throws: StageError.self) { try StateLock("\(folder.path)/one") }
        #expect(error?.description.contains("chmod 700 \(folder.path)/one") == true)
        #expect(chmod("\(folder.path)/one", 0o700) == 0)
        try StateLock("\(folder.path)/one").release()
        #expect(symlink("\(folder.path)/one", "\(folder.path)/two") == 0)
        #expect(throws: StageError.self) { try StateLock("\(folder.path)/two") }
    }
}
