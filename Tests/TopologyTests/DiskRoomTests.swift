import Testing
import Topology

@Suite("What room on a disk means")
struct DiskRoomTests {
    @Test("a spool's file wants 64 MiB, a large round 1 GiB, and nothing is written below 1 MiB or without inodes")
    func outlook() {
        let mebibyte = 1 << 20
        func room(_ free: Int, lacksInodes: Bool = false) -> DiskRoom {
            DiskRoom(free: free, lacksInodes: lacksInodes)
        }
        #expect(room(1024 * mebibyte).outlook == .enough)
        #expect(room(1024 * mebibyte - 1).outlook == .little)
        #expect(room(64 * mebibyte).outlook == .little)
        #expect(room(64 * mebibyte - 1).outlook == .full)
        #expect(room(0).outlook == .full)
        #expect(room(1 << 40, lacksInodes: true).outlook == .lacksInodes)
        #expect(room(0, lacksInodes: true).outlook == .lacksInodes)
        #expect(!room(mebibyte).isNone && room(mebibyte - 1).isNone && room(1 << 40, lacksInodes: true).isNone)
    }
}
