internal import Federation
internal import Glibc
internal import Monitoring

/// Looks once a second at what no event tells, and leaves all that the stage counts in a file beside its journal, where whoever
/// serves metrics finds it: a confined stage has no server of its own.
struct StageMeters {
    /// What the runtime knows when it is looked at.
    struct Look {
        let isReady: Bool
        let waiting: Duration
        let hubs: [(hub: StageName, isUp: Bool)]
        let inbox: (waiting: Int, room: Int)
        let spoolBytes: Int
    }

    private static let interval = Duration.seconds(1)

    private let log: EventLog
    private let path: String
    private let startTime: Double
    private var nextLook = ContinuousClock.now
    private var toldUse: RoundNumber?

    /// - Parameter path: the file, replaced as a whole each time.
    init(_ log: EventLog, path: String) {
        self.log = log
        self.path = path
        startTime = ProcessFigures.startTime()
        log.meters.set(.ready, to: 0)
    }

    mutating func isDue(_ now: ContinuousClock.Instant) -> Bool {
        guard now >= nextLook else { return false }
        nextLook = now + Self.interval
        return true
    }

    func take(_ look: Look) {
        let meters = log.meters
        meters.set(.ready, to: look.isReady ? 1 : 0)
        meters.set(.waitingSeconds, to: Double(look.waiting.components.seconds))
        for (hub, isUp) in look.hubs { meters.set(.peerUp, [hub.description], to: isUp ? 1 : 0) }
        meters.set(.inboxBytes, to: Double(look.inbox.waiting))
        meters.set(.creditBytes, to: Double(look.inbox.room))
        meters.set(.spoolBytes, to: Double(look.spoolBytes))
        meters.set(.processCPU, to: ProcessFigures.processorSeconds())
        meters.set(.processMemory, to: Double(ProcessFigures.residentBytes()))
        meters.set(.processDescriptors, to: Double(ProcessFigures.descriptors()))
        meters.set(.processStart, to: startTime)
        write()
    }

    /// Once for each release, so that whoever adds up can say what had been used by then.
    mutating func tellUse(by round: RoundNumber) {
        guard round > toldUse ?? RoundNumber(0) else { return }
        toldUse = round
        var (trained, links) = (0.0, [String: (sent: Double, received: Double)]())
        for (series, reading) in log.meters.readings() {
            switch reading {
            case .histogram(let phase)
            where series.meter == .phaseSeconds && series.labels == [RoundPhase.Name.train.rawValue]:
                trained = phase.sum
            case .value(let bytes) where series.meter == .linkBytes && series.labels.count == 2:
                // What goes to all is counted where it arrives.
                guard let peer = try? StageName(series.labels[0]), peer.cloud != log.stage.cloud else { continue }
                if series.labels[1] == "sent" {
                    links["\(peer)", default: (0, 0)].sent += bytes
                } else {
                    links["\(peer)", default: (0, 0)].received += bytes
                }
            default: break
            }
        }
        log.tell(
            .stageUsed, round: round,
            [
                .cpuSeconds: .real(ProcessFigures.processorSeconds()), .trainedSeconds: .real(trained),
                .linkBytes: .list(
                    links.sorted { $0.key < $1.key }.map { .text("\($0) \(Int($1.sent)) \(Int($1.received))") }),
            ])
    }

    /// Says once more, and for the last time, how things stand.
    func end() {
        log.meters.set(.ready, to: 0)
        write()
    }

    /// Not synced: after a loss of power the next look makes it anew. A disk that takes nothing is told by other things.
    private func write() {
        var exposition = Exposition()
        exposition.add(
            log.meters.readings(),
            labels: [
                ("run", log.run.description), ("cloud", log.stage.cloud.description),
                ("stage", log.stage.role.description),
            ])
        let text = Array(exposition.text.utf8)
        let new = "\(path).new"
        let file = open(new, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else { return }
        let isWhole = text.withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) == $0.count }
        close(file)
        if isWhole { rename(new, path) } else { unlink(new) }
    }
}

/// What the kernel counts of this process (proc(5)).
enum ProcessFigures {
    static func processorSeconds() -> Double {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) * 1e-6 }
        return seconds(usage.ru_utime) + seconds(usage.ru_stime)
    }

    /// 0 where it cannot be read.
    static func residentBytes() -> Int {
        let fields = read("/proc/self/statm").split(separator: " ")
        return fields.count > 1 ? (Int(fields[1]) ?? 0) * Int(sysconf(Int32(_SC_PAGESIZE))) : 0
    }

    static func descriptors() -> Int {
        guard let directory = opendir("/proc/self/fd") else { return 0 }
        defer { closedir(directory) }
        var count = 0
        while readdir(directory) != nil { count += 1 }
        return max(0, count - 3)  // ".", "..", and the one that is read by
    }

    /// Now, as the stage has only just been started: the kernel gives jiffies since boot.
    static func startTime() -> Double { Double(Timestamp.milliseconds()) / 1000 }

    private static func read(_ path: String) -> String {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return "" }
        defer { close(file) }
        var buffer = [UInt8](repeating: 0, count: 512)
        let count = Glibc.read(file, &buffer, buffer.count)
        return String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
    }
}
