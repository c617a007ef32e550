internal import GRDB
internal import Glibc

/// An error that may be for want of room on the disk: the launcher starts such a stage again for as long as it takes.
package protocol RoomFault: Error {
    var isForWantOfRoom: Bool { get }
}

/// What write(2), fdatasync(2) and their like say of a file system, or a user's share of one, that is full.
package func isForWantOfRoom(_ code: Int32) -> Bool { code == ENOSPC || code == EDQUOT }

extension StageError: RoomFault {
    package var isForWantOfRoom: Bool {
        guard case .system(_, let code) = self else { return false }
        return StageKit.isForWantOfRoom(code)
    }
}

extension DatabaseError: RoomFault {
    var isForWantOfRoom: Bool { resultCode == .SQLITE_FULL }
}
