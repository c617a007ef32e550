internal import ArgumentParser
internal import Glibc
internal import Topology

struct Down: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Stops what `up` started, producers first, and waits until it has ended.")

    @OptionGroup var options: TopologyOptions
    @Option(help: "Seconds to wait before the stages are killed.")
    var timeout: UInt32 = 60

    func run() throws {
        let topology = try options.load(warns: false)
        guard let pid = try StateLock.holder(topology.statePath) else {
            print("nothing runs on \(topology.statePath)")
            return
        }
        try signal(pid, SIGTERM)
        if try StateLock.waitUntilFree(topology.statePath, seconds: max(timeout, 1)) {
            print("stopped")
            return
        }
        // A second SIGTERM has the launcher kill its stages.
        try signal(pid, SIGTERM)
        guard try StateLock.waitUntilFree(topology.statePath, seconds: 10) else {
            throw LauncherError.timeout("launcher \(pid) did not end; its stages end with it on `kill -9 \(pid)`")
        }
        throw LauncherError.timeout("the stages did not stop within \(timeout) s and were killed")
    }

    private func signal(_ pid: Int32, _ number: Int32) throws {
        guard kill(pid, number) == 0 || errno == ESRCH else { throw LauncherError.system("kill \(pid)") }
    }
}
