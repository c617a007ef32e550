internal import Federation
internal import Glibc
internal import Topology

/// Wakes when a stage tells an event, or the launcher writes its record (inotify(7)). Folders that are not there yet are watched
/// from when they are.
final class SpoolWatch {
    let descriptor: Descriptor
    private var folders: [String: Int32] = [:]
    private let wanted: [String]

    convenience init(_ topology: Topology) throws {
        try self.init(folders: topology.stages.map { topology.eventSpool(of: $0.name) } + [topology.statePath])
    }

    init(folders: [String]) throws {
        let number = inotify_init1(Int32(IN_CLOEXEC) | Int32(IN_NONBLOCK))
        guard number >= 0 else { throw LauncherError.system("inotify_init1") }
        descriptor = Descriptor(owning: number)
        wanted = folders
        refresh()
    }

    /// Watches what has come since; cheap, and called again at each look.
    func refresh() {
        for folder in wanted where folders[folder] == nil {
            let number = inotify_add_watch(
                descriptor.number, folder, UInt32(IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_DELETE_SELF))
            if number >= 0 { folders[folder] = number }
        }
    }

    /// What woke it is read away.
    func drain() throws {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while case .bytes(let bytes) = try descriptor.read(into: &buffer) {
            // A folder that was removed and made again is watched anew.
            var start = bytes.startIndex
            while start + 16 <= bytes.endIndex {
                let (number, mask, length) = bytes[start...].withUnsafeBytes { raw in
                    (
                        raw.loadUnaligned(as: Int32.self), raw.loadUnaligned(fromByteOffset: 4, as: UInt32.self),
                        Int(raw.loadUnaligned(fromByteOffset: 12, as: UInt32.self))
                    )
                }
                if mask & UInt32(IN_DELETE_SELF | IN_IGNORED) != 0 {
                    folders = folders.filter { $0.value != number }
                }
                start += 16 + length
            }
        }
    }
}
