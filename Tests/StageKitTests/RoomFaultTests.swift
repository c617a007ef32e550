import Glibc
import SmallDisk
import StageKit
import Testing

@Suite("Faults for want of room")
struct RoomFaultTests {
    private func isForWantOfRoom(_ error: (any Error)?) -> Bool? { (error as? any RoomFault)?.isForWantOfRoom }

    /// `/dev/full` answers every write as a full disk does (full(4)).
    @Test("a spool's file that finds no room says so")
    func spoolFile() throws {
        let file = try SpoolFile(creating: "/dev/full")
        let error = #expect(throws: StageError.self) { try file.append([1, 2, 3]) }
        #expect(isForWantOfRoom(error) == true)
    }

    @Test("a quota that is used up is want of room; other faults of system calls, and wrong configurations, are not")
    func others() {
        #expect(isForWantOfRoom(StageError.system("write", EDQUOT)) == true)
        for error in [StageError.system("write", EIO), .journal("x"), .configuration("No space left on device")] {
            #expect(isForWantOfRoom(error) == false)
        }
    }

    @Test(
        "a journal that finds no room says so, and goes on once there is some",
        .enabled(if: SmallDisk.isPossible, Comment(rawValue: SmallDisk.comment)))
    func journal() throws {
        let folder = try Folder()
        let disk = try SmallDisk(over: folder.path, megabytes: 4)
        defer { disk.detach() }
        let journal = try Journal(directory: folder.path)
        try disk.fill()
        let error = #expect(throws: (any Error).self) {
            // The log's file may have some room of its own left.
            for _ in 0..<100 { try journal.write { try $0.setFact("large", [UInt8](repeating: 1, count: 100_000)) } }
        }
        #expect(isForWantOfRoom(error) == true, "\(String(describing: error))")
        try disk.makeRoom()
        try journal.write { try $0.setFact("small", [1]) }
        #expect(try journal.read { try $0.fact("small") } == [1])
        try journal.close()
    }
}
