internal import Federation
internal import FoundationEssentials
internal import Glibc
internal import Launching
internal import Topology

extension LauncherRecord {
    static func path(_ state: String) -> String { "\(state)/launcher.json" }

    static func read(_ state: String) throws -> LauncherRecord? {
        guard access(path(state), F_OK) == 0 else { return nil }
        let data = try Data(contentsOf: URL(filePath: path(state)))
        do {
            guard data.count <= maximumBytes else { throw LauncherError.configuration("\(data.count) bytes long") }
            return try LauncherRecord(data)
        } catch {
            throw LauncherError.configuration("\(path(state)): not written by this launcher: \(error)")
        }
    }

    /// Beside it first, then by its name: a reader never sees half of it.
    func write(_ state: String) throws {
        let text = try encoded()
        let draft = "\(LauncherRecord.path(state)).new"
        let file = try Descriptor.opening(draft, O_WRONLY | O_CREAT | O_TRUNC)
        try file.writeAll(text)
        guard rename(draft, LauncherRecord.path(state)) == 0 else { throw LauncherError.system("rename \(draft)") }
    }
}

extension LauncherRecord.Stage {
    init(_ child: Supervision.Child, started: String?, launched: Double, lastLine: String?) {
        let state =
            switch child.phase {
            case .waiting: "waiting"
            case .starting: "starting"
            case .ready: "ready"
            case .backingOff: "backing-off"
            case .ended: "ended"
            }
        self.init(
            stage: child.stage.description, state: state, pid: child.pid, started: child.pid == nil ? nil : started,
            readySeconds: child.timeToReady.map(\.inSeconds), restarts: child.restarts,
            status: child.status.isEmpty ? nil : child.status,
            statusSince: child.status.isEmpty ? nil : launched + child.statusSince.inSeconds,
            lastEnd: child.lastEnd?.description, lastLine: child.lastEnd == nil ? nil : lastLine)
    }
}

extension Duration {
    var inSeconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}
