internal import ArgumentParser
internal import Glibc

/// Waits for what is told next, and ends the command when nobody reads its output any more.
struct FollowWait {
    /// So that events of several stages that belong together come together, and are put in order.
    private static let linger: useconds_t = 50_000
    private let watch: SpoolWatch

    init(_ folders: [String]) throws { watch = try SpoolWatch(folders: folders) }

    func wait() throws {
        // A stage that has not begun has no folder yet.
        watch.refresh()
        var items = [
            pollfd(fd: watch.descriptor.number, events: Int16(POLLIN), revents: 0),
            pollfd(fd: 1, events: 0, revents: 0),
        ]
        guard poll(&items, 2, 1000) >= 0 || errno == EINTR else { throw LauncherError.system("poll") }
        if items[1].revents & Int16(POLLERR) != 0 { throw ExitCode.success }
        usleep(Self.linger)
        try watch.drain()
    }
}
