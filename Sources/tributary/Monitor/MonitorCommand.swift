internal import ArgumentParser
internal import CLinux
internal import Configuration
internal import Federation
internal import Glibc
internal import Monitoring
internal import Shipping
internal import Synchronization
internal import Topology

struct MonitorCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "monitor",
        abstract: "Brings the events of this host's stages to the sinks that the topology names.",
        discussion: """
            `up` runs it by itself. It reads what stages keep of their events, so stages never wait for it; what it has brought is \
            kept, and it goes on from there at its next start. SIGTERM ends it once everything has arrived.
            """)

    @OptionGroup var options: TopologyOptions
    @Option(help: "Only this cloud's stages (repeatable).")
    var cloud: [String] = []
    @Option(help: "How long what is left may take to arrive at the end.")
    var flush = "5s"
    /// Set by `up`: what it has to say goes to STATE/logs/monitor.log.
    @Flag(help: .hidden)
    var launched = false

    func run() throws {
        let topology = try options.load(clouds: cloud, warns: !launched)
        guard let flush = Quantity.duration(flush) else {
            throw LauncherError.arguments("--flush: expected a duration such as 5s, found \"\(flush)\"")
        }
        let clouds = MonitorPlan.clouds(topology, among: cloud)
        guard !clouds.isEmpty else {
            throw LauncherError.configuration("\(topology.file) has no `sinks` for the clouds here")
        }
        try Folders.make(topology.monitorFolder)
        let lock = try Self.lock(topology.monitorFolder)
        let notes = try NoteLog(path: launched ? Self.logFolder(topology) : nil)
        // Threads inherit both: what the processor is wanted for comes first, and signals are taken in one place.
        tributary_step_back()
        // Under a launcher it is the launcher's to say when: a terminal's Ctrl-C comes to the whole group.
        if launched { for number in [SIGINT, SIGHUP] { signal(number, SIG_IGN) } }
        let signals = try SignalWatch(launched ? [SIGTERM] : [SIGTERM, SIGINT, SIGHUP])
        let monitor: Monitor
        do {
            monitor = try Monitor(
                federation: topology.federation, clouds: clouds, folder: topology.monitorFolder, note: notes.write)
        } catch { throw LauncherError.configuration("\(error)") }
        try monitor.start()
        let count = clouds.reduce(0) { $0 + $1.sinks.count }
        notes.write("started for \(clouds.map(\.name.description).joined(separator: ", ")), \(count) sinks")
        while try signals.take().isEmpty {
            publish(monitor, topology, notes)
            var item = pollfd(fd: signals.readable.number, events: Int16(POLLIN), revents: 0)
            _ = poll(&item, 1, 10_000)
        }
        let isDone = monitor.stop(within: flush)
        publish(monitor, topology, notes)
        notes.write(isDone ? "stopped" : "stopped; a collector was still being waited for")
        withExtendedLifetime(lock) {}
    }

    private static func logFolder(_ topology: Topology) throws -> String {
        try Folders.make("\(topology.statePath)/logs")
        return MonitorPlan.logPath(topology)
    }

    /// One monitor for one state: two would send everything twice.
    private static func lock(_ folder: String) throws -> Descriptor {
        let file = try Descriptor.opening("\(folder)/lock", O_RDWR | O_CREAT)
        guard flock(file.number, LOCK_EX | LOCK_NB) == 0 else {
            guard errno == EWOULDBLOCK else { throw LauncherError.system("flock \(folder)/lock") }
            throw LauncherError.runFailed(
                "\(folder): another monitor runs on this state; `tributary up` starts one itself")
        }
        return file
    }

    private func publish(_ monitor: Monitor, _ topology: Topology, _ notes: NoteLog) {
        var exposition = Exposition()
        for (cloud, meters) in monitor.meters {
            exposition.add(
                meters.readings(), labels: [("run", topology.run.description), ("cloud", cloud.description)])
        }
        let path = MonitorPlan.metricsPath(topology)
        do {
            let file = try Descriptor.opening("\(path).new", O_WRONLY | O_CREAT | O_TRUNC, mode: 0o644)
            try file.writeAll(exposition.text.utf8)
            guard rename("\(path).new", path) == 0 else { throw LauncherError.system("rename \(path)") }
        } catch { notes.write("\(error)") }
    }
}

/// What the monitor has to say: few lines, each with its time.
final class NoteLog: Sendable {
    /// Only `write` uses it, under its lock.
    private struct Target: @unchecked Sendable { let log: RotatingLog? }

    private static let limit = 1 << 20
    private let target: Mutex<Target>

    /// - Parameter path: a log; standard error without one.
    init(path: String?) throws {
        let log = try path.map { try RotatingLog(path: $0, limit: Self.limit) }
        target = Mutex(Target(log: log))
    }

    var write: @Sendable (String) -> Void {
        { text in
            let line = "\(TimeOfDay.now()) \(Terminal.printable(text))"
            self.target.withLock { target in
                guard let log = target.log else { return Terminal.complain("tributary monitor: \(text)") }
                // A full disk must not end the monitor: what it keeps elsewhere fails by itself, and is counted.
                do { try log.write(Array("\(line)\n".utf8)[...]) } catch { Terminal.complain("\(error)") }
            }
        }
    }
}
