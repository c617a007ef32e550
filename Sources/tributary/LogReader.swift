internal import Glibc

/// Reads a log file's whole lines as they come, over its rotation.
struct LogReader {
    let path: String
    private var file: Descriptor?
    private var inode: ino_t = 0
    private var partial: [UInt8] = []

    init(path: String) { self.path = path }

    /// What was written since the last call.
    mutating func newLines() throws -> [String] {
        var lines: [String] = []
        if file == nil { try openFile() }
        try drain(into: &lines)
        var information = stat()
        if stat(path, &information) == 0, information.st_ino != inode {
            // Moved aside: the old file has been read to its end above.
            file = nil
            try openFile()
            try drain(into: &lines)
        }
        return lines
    }

    private mutating func openFile() throws {
        guard access(path, F_OK) == 0 else { return }
        let file = try Descriptor.opening(path, O_RDONLY)
        var information = stat()
        guard fstat(file.number, &information) == 0 else { throw LauncherError.system("fstat \(path)") }
        inode = information.st_ino
        self.file = file
    }

    private mutating func drain(into lines: inout [String]) throws {
        guard let file else { return }
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while case .bytes(let bytes) = try file.read(into: &buffer) {
            partial += bytes
            var parts = partial.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
            partial = Array(parts.removeLast())
            lines += parts.map { String(decoding: $0, as: UTF8.self) }
        }
    }
}

/// Wakes when something in a folder is written (inotify(7)).
struct FolderWatch {
    private let descriptor: Descriptor

    init(_ path: String) throws {
        try Folders.make(path)
        let number = inotify_init1(Int32(IN_CLOEXEC))
        guard number >= 0 else { throw LauncherError.system("inotify_init1") }
        descriptor = Descriptor(owning: number)
        guard inotify_add_watch(number, path, UInt32(IN_MODIFY | IN_CREATE | IN_MOVED_TO)) >= 0 else {
            throw LauncherError.system("inotify_add_watch \(path)")
        }
    }

    /// The same, but no longer than that.
    func wait(milliseconds: Int32) throws {
        var item = pollfd(fd: descriptor.number, events: Int16(POLLIN), revents: 0)
        let count = poll(&item, 1, milliseconds)
        guard count >= 0 || errno == EINTR else { throw LauncherError.system("poll") }
        if count > 0 { try wait() }
    }

    func wait() throws {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        _ = try descriptor.read(into: &buffer)
    }
}
