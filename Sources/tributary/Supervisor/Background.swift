internal import ArgumentParser
internal import Glibc
internal import Topology

/// `up --detach`: the launcher goes on in a session of its own, and its lines are shown until all stages are ready.
enum Background {
    /// Ends the lines that the waiting `up` shows: all stages are ready.
    private static let readyMark: UInt8 = 0

    static func logPath(_ topology: Topology) -> String { "\(topology.statePath)/logs/launcher.log" }

    /// Starts this program again with the same arguments, and returns when it has reported ready.
    static func start(_ topology: Topology) throws {
        try Folders.make("\(topology.statePath)/logs")
        let (pid, reading) = try startCopy(of: topology)
        var buffer = [UInt8](repeating: 0, count: 4096)
        while case .bytes(let bytes) = try reading.read(into: &buffer) {
            let shown = bytes.prefix { $0 != readyMark }
            print(String(decoding: shown, as: UTF8.self), terminator: "")
            fflush(nil)
            if shown.count < bytes.count {
                print("going on as process \(pid); `tributary ps`, `tributary logs` and `tributary down` see to it")
                return
            }
        }
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0, errno == EINTR {}
        throw ExitCode(status & 0x7F == 0 ? status >> 8 & 0xFF : 5)
    }

    /// The copy's pid and the end of a pipe that reads its lines. The writing end is the copy's alone once this returns, so
    /// that its death ends the lines.
    private static func startCopy(of topology: Topology) throws -> (Int32, Descriptor) {
        let (reading, writing) = try Descriptor.pipe()
        guard fcntl(reading.number, F_SETFL, 0) == 0 else { throw LauncherError.system("fcntl") }
        let log = try Descriptor.opening(logPath(topology), O_WRONLY | O_CREAT | O_APPEND)
        let pid = try StageProcess.start(
            try StageFolder.ownPath(), Array(CommandLine.arguments.dropFirst()) + ["--background"],
            environment: StageProcess.environment(["NOTIFY_SOCKET": nil]), output: writing, error: log,
            diesWithParent: false)
        return (pid, reading)
    }

    /// In the background launcher: lets the waiting `up` go, and writes to the log from here on.
    static func reportReady() {
        fflush(nil)
        var mark = readyMark
        // Whoever waited may be gone (SIGPIPE is ignored): the stages go on all the same.
        if write(1, &mark, 1) != 1 { Terminal.warn("nobody waited for readiness any more") }
        if dup2(2, 1) < 0 { Terminal.warn("standard output stays where it was: \(String(cString: strerror(errno)))") }
    }
}
