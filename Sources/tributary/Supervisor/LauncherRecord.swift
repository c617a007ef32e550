internal import Federation
internal import FoundationEssentials
internal import Glibc
internal import Topology

/// `STATE/launcher.json`: what runs, for `tributary ps` and for scripts.
struct LauncherRecord: Codable {
    struct Stage: Codable {
        let stage: String
        /// waiting, starting, ready, backing-off or ended.
        let state: String
        let pid: Int32?
        /// RFC 3339; of the present process.
        let started: String?
        let readySeconds: Double?
        let restarts: Int
        /// What the stage says of itself, and since when (seconds since 1970).
        let status: String?
        let statusSince: Double?
        /// How the last process ended, and the last line that it wrote.
        let lastEnd: String?
        let lastLine: String?
    }

    var schemaVersion = "1"
    let topology: String
    let federation: String
    let run: String
    let pid: Int32
    let started: String
    let ready: Bool
    let readySeconds: Double?
    let stages: [Stage]

    static func path(_ state: String) -> String { "\(state)/launcher.json" }

    static func read(_ state: String) throws -> LauncherRecord? {
        guard access(path(state), F_OK) == 0 else { return nil }
        let data = try Data(contentsOf: URL(filePath: path(state)))
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        do { return try decoder.decode(LauncherRecord.self, from: data) } catch {
            throw LauncherError.configuration("\(path(state)): not written by this launcher: \(error)")
        }
    }

    /// Beside it first, then by its name: a reader never sees half of it.
    func write(_ state: String) throws {
        let data = try Envelope<Int>.encoder().encode(self)
        let draft = "\(LauncherRecord.path(state)).new"
        let file = try Descriptor.opening(draft, O_WRONLY | O_CREAT | O_TRUNC)
        try file.writeAll(data + [UInt8(ascii: "\n")])
        guard rename(draft, LauncherRecord.path(state)) == 0 else { throw LauncherError.system("rename \(draft)") }
    }
}

extension LauncherRecord.Stage {
    init(_ child: Supervision.Child, started: String?, launched: Double, lastLine: String?) {
        switch child.phase {
        case .waiting: state = "waiting"
        case .starting: state = "starting"
        case .ready: state = "ready"
        case .backingOff: state = "backing-off"
        case .ended: state = "ended"
        }
        stage = child.stage.description
        pid = child.pid
        self.started = child.pid == nil ? nil : started
        readySeconds = child.timeToReady.map(\.inSeconds)
        restarts = child.restarts
        status = child.status.isEmpty ? nil : child.status
        statusSince = child.status.isEmpty ? nil : launched + child.statusSince.inSeconds
        lastEnd = child.lastEnd?.description
        self.lastLine = child.lastEnd == nil ? nil : lastLine
    }
}

extension Duration {
    var inSeconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}
