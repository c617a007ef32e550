internal import ArgumentParser
internal import Glibc
internal import Monitoring

/// Several spools as one stream, by time; the events of each stage stay in their own order.
struct SpoolMerge {
    private struct Head {
        var reader: SpoolReader
        var lines: [ArraySlice<UInt8>] = []
        var next = 0
    }

    private static let batchBytes = 256 << 10
    private var heads: [Head]

    init(_ folders: [String]) { heads = folders.map { Head(reader: SpoolReader(folder: $0)) } }

    /// Everything that has come since.
    mutating func drain(_ body: (ArraySlice<UInt8>) throws -> Void?) throws {
        while true {
            var best: Int?
            var bestTime: ArraySlice<UInt8> = []
            for index in heads.indices {
                if heads[index].next == heads[index].lines.count {
                    heads[index].lines = try heads[index].reader.next(maximumBytes: Self.batchBytes).lines
                    heads[index].next = 0
                }
                guard heads[index].next < heads[index].lines.count else { continue }
                let time = EventGlance.time(heads[index].lines[heads[index].next]) ?? []
                if best == nil || time.lexicographicallyPrecedes(bestTime) { (best, bestTime) = (index, time) }
            }
            guard let best else { return }
            _ = try body(heads[best].lines[heads[best].next])
            heads[best].next += 1
        }
    }
}

/// Wakes when a spool grows (inotify(7)), and ends the command when nobody reads its output any more.
struct SpoolWatch {
    /// So that events of several stages that belong together come together, and are put in order.
    private static let linger: useconds_t = 50_000
    private let descriptor: Descriptor
    private let folders: [String]

    init(_ folders: [String]) throws {
        let number = inotify_init1(Int32(IN_CLOEXEC) | Int32(IN_NONBLOCK))
        guard number >= 0 else { throw LauncherError.system("inotify_init1") }
        descriptor = Descriptor(owning: number)
        self.folders = folders
    }

    func wait() throws {
        // A stage that has not begun has no folder yet; to watch one twice changes nothing.
        for folder in folders { inotify_add_watch(descriptor.number, folder, UInt32(IN_MODIFY | IN_CREATE)) }
        var items = [
            pollfd(fd: descriptor.number, events: Int16(POLLIN), revents: 0), pollfd(fd: 1, events: 0, revents: 0),
        ]
        guard poll(&items, 2, 1000) >= 0 || errno == EINTR else { throw LauncherError.system("poll") }
        if items[1].revents & Int16(POLLERR) != 0 { throw ExitCode.success }
        usleep(Self.linger)
        var buffer = [UInt8](repeating: 0, count: 4096)
        while case .bytes = try descriptor.read(into: &buffer) {}
    }
}
