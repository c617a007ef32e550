import Foundation
import Glibc
import StageKit
import Testing

@Suite("What a probe is told by a stage's lock")
struct StageProbeTests {
    /// A lock whose holder is this process, and which was moved so many seconds ago.
    private func lock(in folder: Folder, phase: String = "ready", pid: Int32 = getpid(), age: Int) throws -> String {
        let path = StageProbe.lock(in: folder.path)
        try Data("\(phase) \(pid)\n".utf8).write(to: URL(filePath: path))
        try move(path, age: age)
        return path
    }

    private func move(_ path: String, age: Int) throws {
        var times = [timespec](repeating: timespec(tv_sec: time(nil) - age, tv_nsec: 0), count: 2)
        try #require(utimensat(AT_FDCWD, path, &times, 0) == 0)
    }

    private func refusal(_ question: StageProbe.Question, _ path: String) -> String? {
        StageProbe.refusal(question, lock: path, wait: .milliseconds(300))
    }

    @Test("a fresh sign of life is a yes; what is not there, says nothing, is gone or not ready is a no")
    func plain() throws {
        let folder = try Folder()
        #expect(refusal(.live, StageProbe.lock(in: folder.path)) == "has not been started on this state")
        #expect(refusal(.ready, try lock(in: folder, age: 0)) == nil)
        let path = try lock(in: folder, phase: "starting", age: 0)
        #expect(refusal(.live, path) == nil)
        #expect(refusal(.ready, path) == "process \(getpid()) is starting")
        #expect(refusal(.live, try lock(in: folder, phase: "odd", age: 0)) == "has not said how it does")
        let gone = try lock(in: folder, pid: 4_194_305, age: 0)
        #expect(refusal(.live, gone) == "process 4194305 is gone")
    }

    @Test(
        "a sign of life that is old, or of a time to come as the clock was set back, is believed once the next one comes",
        arguments: [61, 3600, -10, -3600])
    func clock(age: Int) throws {
        let folder = try Folder()
        let path = try lock(in: folder, age: age)
        let still = try #require(refusal(.live, path))
        #expect(still.hasPrefix("process \(getpid()) stands still"), "\(still)")
        #expect(still.contains("the clock has been set back") == (age < 0), "\(still)")
        let mover = Thread {
            usleep(200_000)
            utimensat(AT_FDCWD, path, nil, 0)
        }
        mover.start()
        #expect(StageProbe.refusal(.live, lock: path, wait: .seconds(60)) == nil)
    }

    @Test("within a minute nothing is waited for")
    func patience() throws {
        let folder = try Folder()
        let path = try lock(in: folder, age: 58)
        let began = ContinuousClock.now
        #expect(StageProbe.refusal(.live, lock: path, wait: .seconds(60)) == nil)
        #expect(began.duration(to: .now) < .seconds(30))
    }
}
