internal import Federation
internal import Glibc
internal import Launching
internal import Topology

/// Runs stages: one thread, one poll(2) over signals, readiness and logs. What to do is `Supervision`'s to say; this does it.
final class Launcher {
    struct Program {
        let stage: StageName
        let path: String
        let arguments: [String]
        /// What it is started from.
        let topology: Topology

        init(stage: StageName, path: String, arguments: [String], topology: Topology) {
            self.stage = stage
            self.path = path
            self.arguments = arguments
            self.topology = topology
        }

        /// The same with other arguments.
        init(_ other: Program, path: String? = nil, arguments: [String]) {
            self.init(stage: other.stage, path: path ?? other.path, arguments: arguments, topology: other.topology)
        }
    }

    /// What runs, or is being made to.
    var topology: Topology
    let plan: LaunchPlan
    /// What is being done to bring the stages to another topology.
    var application: Application?
    /// Of each stage, the files that its process was started from, as they were then.
    var prints: [StageName: StagePrint] = [:]
    /// Of the processes that successors are to replace: theirs again, should those fail.
    var formerPrints: [StageName: StagePrint] = [:]
    var programs: [StageName: Program]
    /// Programs of processes that are to take a stage over, and who waits to hear of it.
    var candidates: [StageName: Program] = [:]
    var callers: [StageName: ControlSocket.Caller] = [:]
    /// What the next start would go on with.
    var effect: EffectRecord
    /// What swaps that are under way would leave there.
    var wishes: [StageName: EffectRecord.Swapped] = [:]
    private var runIsOver = false
    let view: LiveView
    private let onAllReady: () -> Void
    private let start = ContinuousClock.now
    private let startTime = TimeOfDay.now()
    private let startSeconds = TimeOfDay.seconds()

    private let lock: Descriptor
    private let signals: SignalWatch
    private let notify: NotifySocket
    private let control: ControlSocket
    private let monitor: MonitorProcess
    private(set) var supervision: Supervision
    var logs: [StageName: RotatingLog] = [:]
    private var outputs: [StageOutput] = []
    /// Of each stage, the last line of the process that ended last.
    var lastLines: [StageName: String] = [:]
    private var startTimes: [StageName: String] = [:]
    private var allReady: Duration?
    var recordIsStale = true
    private var lastLookForRoom: Duration?
    private var memory = MemoryWatch()
    private var stillness = StillnessWatch()
    private var exitStatus: Int32?

    init(
        _ topology: Topology, plan: LaunchPlan, effect: EffectRecord, grace: Duration, failsFast: Bool, view: LiveView,
        onAllReady: @escaping () -> Void
    ) throws {
        let programs = try Self.programs(plan.programs(topology), under: effect)
        self.effect = effect
        self.topology = topology
        self.plan = plan
        self.programs = Dictionary(programs.map { ($0.stage, $0) }, uniquingKeysWith: { first, _ in first })
        self.view = view
        self.onAllReady = onAllReady
        signal(SIGPIPE, SIG_IGN)
        signals = try SignalWatch([SIGCHLD, SIGTERM, SIGINT, SIGHUP])
        try Folders.make("\(topology.statePath)/logs")
        lock = try StateLock.acquire(topology.statePath)
        let folder = topology.launcherSocketFolder
        try SocketFolder.make(folder)
        notify = try NotifySocket(path: "\(folder)/notify")
        control = try ControlSocket(path: ControlSocket.path(topology))
        supervision = Supervision(stages: programs.map(\.stage), grace: grace, failsFast: failsFast)
        monitor = MonitorProcess(terminal: view.terminal, isBackground: plan.isBackground)
        for program in programs { logs[program.stage] = try RotatingLog(path: topology.logPath(of: program.stage)) }
    }

    /// Runs until every stage has ended; returns the exit status.
    func run() throws -> Int32 {
        keepEffect()
        tellOfSwaps()
        try take(.start)
        takeMonitor()
        while exitStatus == nil {
            if recordIsStale { try writeRecord() }
            try wait()
            // Readiness before ends: a stage may say that it is ready and be gone.
            // What it logged before is written before anyone is told.
            try readNotices()
            for number in try signals.take() where number != SIGCHLD { try take(.stop) }
            try reap()
            for (request, caller) in try control.take() { try take(request, of: caller) }
            if let deadline = supervision.nextDeadline, now >= deadline { try take(.tick) }
            try lookForRoom()
            try lookForStillness()
            monitor.tick(at: now)
        }
        monitor.finish()
        closeEffect(runIsOver: runIsOver)
        try writeRecord()
        return exitStatus ?? 0
    }

    /// The monitor of what runs now.
    func takeMonitor() {
        monitor.take(topology, clouds: plan.clouds, at: now)
        monitor.tick(at: now)
    }

    private func readNotices() throws {
        let messages = try notify.take()
        try readLogs()
        for message in messages {
            if let troubles = message.troubles {
                try take(
                    .troubles(
                        pid: message.pid,
                        troubles.map { .init(kind: $0.kind.rawValue, about: $0.about, text: $0.text) }))
            }
            if let status = message.status { try take(.status(pid: message.pid, status)) }
            if message.standsBy { try take(.standingBy(pid: message.pid)) }
            if message.isReady { try take(.ready(pid: message.pid)) }
            if message.saysRunIsOver { try take(.runOver(pid: message.pid)) }
        }
    }

    private var now: Duration { ContinuousClock.now - start }

    private func wait() throws {
        var watched =
            [signals.readable.number, notify.descriptor.number] + control.descriptors + outputs.map(\.descriptor)
        var items = watched.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        watched = []
        var timeout: Int32 = -1
        let deadlines = [supervision.nextDeadline, monitor.deadline, nextLookForRoom, nextLookForStillness]
            .compactMap { $0 }
        if let deadline = deadlines.min() {
            timeout = Int32(max(0, min(3_600_000, ((deadline - now).inSeconds * 1000).rounded(.up))))
        }
        guard poll(&items, nfds_t(items.count), timeout) >= 0 || errno == EINTR else {
            throw LauncherError.system("poll")
        }
    }

    func take(_ input: Supervision.Input) throws {
        recordIsStale = true
        for action in supervision.handle(input, at: now) { try perform(action) }
    }

    private func perform(_ action: Supervision.Action) throws {
        switch action {
        case .spawn(let stage):
            formerPrints[stage] = nil
            if let program = programs[stage] { try spawn(program) }
        case .spawnSuccessor(let stage):
            formerPrints[stage] = prints[stage]
            if let program = candidates[stage] { try spawn(program) }
        case .handOver(let pid): kill(pid, SIGUSR1)
        case .stay(let pid): kill(pid, SIGUSR2)
        case .replaced(let stage, let result): try conclude(stage, result)
        case .added(let stage, let result): try conclude(stage, result)
        case .removed(let stage): try concludeRemoval(of: stage)
        case .terminate(let pid): kill(pid, SIGTERM)
        case .kill(let pid): kill(pid, SIGKILL)
        case .finish(let status):
            // A service that ends before it was ready has failed (systemd.service(5)); one of a run that is over has not.
            if status == 0, allReady == nil { NotifySocket.announce("READY=1\n") }
            exitStatus = status
        case .show(let notice):
            view.show(notice, lastLine: lastLine(of: notice))
            if case .allReady(let time) = notice {
                allReady = time
                try writeRecord()
                NotifySocket.announce("READY=1\nSTATUS=\(supervision.children.count) stages ready\n")
                onAllReady()
            }
            if case .replacement(let stage, let step) = notice {
                tell(step, of: stage)
            }
            switch notice {
            case .allOver, .leftBehind: runIsOver = true
            default: break
            }
            if case .stopping = notice { NotifySocket.announce("STOPPING=1\n") }
        }
    }

    private func tell(_ step: ReplacementStep, of stage: StageName) {
        var reply = ControlReply(step)
        reply.stage = stage.description
        (callers[stage] ?? application?.caller)?.tell(reply)
    }

    private func lastLine(of notice: Supervision.Notice) -> String? {
        switch notice {
        case .restarting(let stage, _, _), .wantsRoom(let stage, _), .failed(let stage, _), .gaveUp(let stage, _, _),
            .parked(let stage, _), .resting(let stage, _, _, _):
            lastLines[stage]
        default: nil
        }
    }

    private func spawn(_ program: Program) throws {
        let stage = program.stage
        prints[stage] = StagePrint(program)
        let (reading, writing) = try Descriptor.pipe()
        let environment = StageProcess.environment(
            StageProcess.largePages.merging([
                "NOTIFY_SOCKET": notify.path, "WATCHDOG_PID": nil, "WATCHDOG_USEC": nil, "LISTEN_FDS": nil,
            ]) { $1 })
        do {
            let pid = try StageProcess.start(
                program.path, program.arguments, environment: environment, output: writing)
            outputs.append(StageOutput(of: stage, pid: pid, reading))
            startTimes[stage] = TimeOfDay.now()
            memory.started(pid)
            try take(.spawned(stage, pid: pid))
        } catch let error as LauncherError { try take(.unstarted(stage, reason: error.description)) }
    }

    private func readLogs() throws {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        outputs = try outputs.filter { output in
            let isOpen = try output.read(into: &buffer) { lines in
                writeLog(of: output.stage) { try $0.write(lines) }
            }
            if !isOpen { lastLines[output.stage] = output.lastLine }
            return isOpen
        }
    }

    /// A full disk must not take the run down: the lines are lost and the user is told.
    private func writeLog(of stage: StageName, _ body: (RotatingLog) throws -> Void) {
        guard let log = logs[stage] else { return }
        do { try body(log) } catch { Terminal.warn("log of \(stage): \(error)") }
    }

    private func reap() throws {
        var status: Int32 = 0
        var usage = rusage()
        while true {
            let pid = wait4(-1, &status, WNOHANG, &usage)
            guard pid > 0 else { return }
            // wait(2): the low seven bits are the signal, the next byte the exit status.
            let number = status & 0x7F
            let end = number == 0 ? ProcessEnd.exit(status >> 8 & 0xFF) : .signal(number)
            if pid == monitor.pid {
                monitor.ended(end, at: now)
                continue
            }
            // ru_maxrss is in KiB (getrusage(2)).
            let killing = memory.ended(pid, end, peak: usage.ru_maxrss > 0 ? usage.ru_maxrss << 10 : nil)
            // Its last words may have come since.
            try readNotices()
            try take(.ended(pid: pid, end, lacksRoom: lacksRoom(pid), killing: killing))
        }
    }

    private func lacksRoom(_ pid: Int32) -> Bool {
        supervision.children.first { $0.pid == pid }.map { lacksRoom(for: $0.stage) } ?? false
    }

    private func lacksRoom(for stage: StageName) -> Bool {
        // Its folder may be a volume of its own, and is not there before its first start.
        for path in [topology.stateFolder(of: stage), topology.statePath] {
            do { return try DiskRoom(path).isNone } catch { continue }
        }
        return false
    }

    private var nextLookForRoom: Duration? {
        supervision.stagesWithoutRoom.isEmpty ? nil : lastLookForRoom.map { $0 + .seconds(1) } ?? now
    }

    /// Nothing tells when a file system has room again: it is looked at, once a second.
    private func lookForRoom() throws {
        guard let next = nextLookForRoom, now >= next else { return }
        lastLookForRoom = now
        for stage in supervision.stagesWithoutRoom where !lacksRoom(for: stage) { try take(.room(stage)) }
    }

    private var nextLookForStillness: Duration? {
        supervision.children.contains { $0.pid != nil } ? stillness.deadline ?? now : nil
    }

    /// Nor of a process that is there and does nothing.
    private func lookForStillness() throws {
        guard let next = nextLookForStillness, now >= next else { return }
        var signs: [Int32: LifeSign] = [:]
        for child in supervision.children {
            guard let pid = child.pid else { continue }
            signs[pid] = LifeSign(of: pid, stateFolder: topology.stateFolder(of: child.stage))
        }
        let still = stillness.look(at: signs, now: now)
        for child in supervision.children {
            guard let pid = child.pid, still[pid] != child.stillness else { continue }
            try take(.stillness(pid: pid, still[pid]))
        }
    }

    func writeRecord() throws {
        recordIsStale = false
        let record = LauncherRecord(
            topology: topology.file, federation: topology.federation, run: topology.run.description, pid: getpid(),
            started: startTime, ready: supervision.wasAllReady && !supervision.isStopping,
            readySeconds: allReady.map(\.inSeconds),
            stages: supervision.children.map {
                LauncherRecord.Stage(
                    $0, started: startTimes[$0.stage], launched: startSeconds, lastLine: lastLines[$0.stage],
                    folder: topology.stateFolder(of: $0.stage))
            })
        do { try record.write(topology.statePath) } catch { Terminal.warn("\(error)") }
    }
}
