internal import Glibc
internal import Topology

/// The launcher's monitor (`tributary monitor`): started with the stages where the topology has sinks, started again whenever it
/// ends, and ended last of all, once it has sent what is left. No stage waits for it, and none ends because of it.
final class MonitorProcess {
    /// Beyond what it takes to send what is left.
    private static let patience = Duration.seconds(9)

    private let terminal: Terminal
    private let isBackground: Bool
    private let policy = RestartPolicy()
    /// Nil where there is nothing to monitor.
    private var arguments: [String]?
    private(set) var pid: Int32?
    private var endsInRow = 0
    private var started = Duration.zero
    /// When it is to be started again.
    private(set) var deadline: Duration?
    private var isAskedToLeave = false

    init(terminal: Terminal, isBackground: Bool) {
        self.terminal = terminal
        self.isBackground = isBackground
    }

    /// From here on it works by this topology; a process that works by another is asked to leave for a new one.
    func take(_ topology: Topology, clouds: [String], at now: Duration) {
        let isWanted = !MonitorPlan.clouds(topology, among: clouds).isEmpty
        arguments =
            isWanted
            ? ["monitor", topology.file, "--state", topology.statePath, "--launched"]
                + clouds.flatMap { ["--cloud", $0] } : nil
        if let pid {
            isAskedToLeave = true
            kill(pid, SIGTERM)
        } else if isWanted {
            deadline = now
        }
    }

    /// Starts it if it is time to.
    func tick(at now: Duration) {
        guard let deadline, now >= deadline, pid == nil, let arguments else { return }
        self.deadline = nil
        do {
            // A sink may be standard output or standard error: they are the launcher's own. In the background it has a log alone.
            let output = try Self.copy(isBackground ? 2 : 1)
            pid = try StageProcess.start(
                try StageFolder.ownPath(), arguments, environment: StageProcess.environment(["NOTIFY_SOCKET": nil]),
                output: output, error: try Self.copy(2))
            started = now
        } catch { again(after: "\(error)", at: now) }
    }

    private static func copy(_ number: Int32) throws -> Descriptor {
        let copy = fcntl(number, F_DUPFD_CLOEXEC, 3)
        guard copy >= 0 else { throw LauncherError.system("fcntl") }
        return Descriptor(owning: copy)
    }

    /// It has ended.
    func ended(_ end: ProcessEnd, at now: Duration) {
        pid = nil
        if isAskedToLeave {
            isAskedToLeave = false
            deadline = arguments == nil ? nil : now
            return
        }
        if now - started > policy.patience { endsInRow = 0 }
        again(after: "ended with \(end)", at: now)
    }

    private func again(after reason: String, at now: Duration) {
        endsInRow += 1
        let wait = policy.delay(after: endsInRow)
        deadline = now + wait
        // Once it has failed often nobody wants to read of each time.
        guard endsInRow <= 3 else { return }
        terminal.line(
            "\(terminal.paint("!", .yellow)) monitor \(reason); starts again in \(Terminal.seconds(wait)), the stages go on"
        )
    }

    /// Ends it, once it has sent what is left or had the time for that.
    func finish() {
        arguments = nil
        deadline = nil
        guard let pid else { return }
        self.pid = nil
        kill(pid, SIGTERM)
        do {
            if try !StageProcess.ends(pid, within: Self.patience) { kill(pid, SIGKILL) }
        } catch {
            terminal.line("\(terminal.paint("!", .yellow)) monitor is killed, as it cannot be waited for: \(error)")
            kill(pid, SIGKILL)
        }
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0, errno == EINTR {}
    }
}
