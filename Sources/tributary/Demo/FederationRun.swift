internal import Glibc
internal import Topology

/// Runs `tributary up` as a process of its own and follows what its stages log.
struct FederationRun {
    let topology: Topology
    let view: DemoView
    let timeout: Duration

    /// Ends when every stage has; throws if the run failed, took too long, or left no final release.
    func run() throws -> RunProgress {
        let folder = "\(topology.statePath)/logs"
        try Folders.make(folder)
        let output = try Descriptor.opening("\(folder)/up.log", O_WRONLY | O_CREAT | O_TRUNC)
        let pid = try StageProcess.start(
            try StageFolder.ownPath(), ["up", topology.file, "--state", topology.statePath, "--fail-fast"],
            environment: StageProcess.environment(["NOTIFY_SOCKET": nil]), output: output)
        var readers = topology.stages.map { LogReader(path: topology.logPath(of: $0.name)) }
        var progress = RunProgress()
        let deadline = ContinuousClock.now + timeout
        var status: Int32?
        let watch = try FolderWatch(folder)
        repeat {
            status = try ended(pid)
            var lines: [LogLine] = []
            for index in readers.indices { lines += try readers[index].newLines().map { LogLine($0) } }
            // Files are read one after another; a round must be opened before it is trained.
            for line in lines.sorted(by: { ($0.time ?? "") < ($1.time ?? "") }) { progress.take(line) }
            view.show(progress)
            guard ContinuousClock.now < deadline else {
                kill(pid, SIGTERM)
                throw LauncherError.timeout(
                    "the run took longer than \(timeout.inSeconds) s and was stopped; see \(folder)")
            }
            if status == nil { try watch.wait(milliseconds: 200) }
        } while status == nil
        view.settle()
        guard let status, status == 0, progress.isFinished else {
            let troubles = progress.troubles.suffix(3)
            // Where no stage told of it, the launcher did: a config that it could not read, say.
            let told =
                troubles.isEmpty
                ? try ConfigText.read("\(folder)/up.log").split(separator: "\n").suffix(4).map(String.init)
                : Array(troubles)
            let lines = told.map { "\n  \(Terminal.printable($0))" }.joined()
            throw LauncherError.runFailed("the run did not end well; \(folder) tells more. Last:\(lines)")
        }
        return progress
    }

    /// The exit status, once there is one.
    private func ended(_ pid: Int32) throws -> Int32? {
        var status: Int32 = 0
        let result = waitpid(pid, &status, WNOHANG)
        guard result >= 0 || errno == EINTR else { throw LauncherError.system("waitpid") }
        guard result == pid else { return nil }
        return status & 0x7F == 0 ? status >> 8 & 0xFF : 5
    }
}
