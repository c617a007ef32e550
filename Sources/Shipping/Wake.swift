internal import CLinux
internal import Glibc
internal import Synchronization

/// Asks threads to come to an end; any thread may.
final class StopSignal: Sendable {
    private let event: Int32
    private let state = Mutex<ContinuousClock.Instant?>(nil)

    init() throws {
        event = tributary_eventfd()
        guard event >= 0 else { throw SinkFault("eventfd", errno: errno) }
    }

    deinit { close(event) }

    /// - Parameter deadline: until when what is left may be sent.
    func stop(by deadline: ContinuousClock.Instant) {
        state.withLock { $0 = deadline }
        var one: UInt64 = 1
        _ = write(event, &one, 8)
    }

    var deadline: ContinuousClock.Instant? { state.withLock { $0 } }

    /// Readable once it is given, for good: nobody reads it.
    var descriptor: Int32 { event }
}

/// Wakes when a spool grows (inotify(7)), when it is time to stop, or when time is up.
final class Wake {
    private let watch: Int32
    private var missing: [String]
    private let stop: StopSignal

    init(folders: [String], stop: StopSignal) throws {
        watch = inotify_init1(Int32(IN_CLOEXEC) | Int32(IN_NONBLOCK))
        guard watch >= 0 else { throw SinkFault("inotify_init1", errno: errno) }
        missing = folders
        self.stop = stop
        addMissing()
    }

    deinit { close(watch) }

    /// A stage that has not begun has no folder yet.
    private func addMissing() {
        missing.removeAll { inotify_add_watch(watch, $0, UInt32(IN_MODIFY | IN_CREATE)) >= 0 }
    }

    func wait(_ time: Duration) {
        addMissing()
        poll([watch, stop.descriptor], time)
        var buffer = [UInt8](repeating: 0, count: 4096)
        while read(watch, &buffer, buffer.count) > 0 {}
    }

    /// Waits whatever happens in spools, but for the stop.
    func rest(_ time: Duration) { poll([stop.descriptor], time) }

    private func poll(_ descriptors: [Int32], _ time: Duration) {
        var items = descriptors.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        let milliseconds = time.components.seconds * 1000 + time.components.attoseconds / 1_000_000_000_000_000
        _ = Glibc.poll(&items, nfds_t(items.count), Int32(clamping: milliseconds))
    }
}
