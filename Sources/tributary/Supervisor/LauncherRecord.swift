internal import CLinux
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

    /// Beside it first, then by its name: a reader never sees half of it. Both files are kept and filled up with spaces to twice
    /// what is needed, so that it can be said on a full disk that the disk is full.
    func write(_ state: String) throws {
        var text = try encoded()
        let (page, least) = (4096, 65_536)
        let size = max(least, (2 * text.count + page - 1) / page * page)
        text += [UInt8](repeating: UInt8(ascii: " "), count: size - text.count)
        let draft = "\(LauncherRecord.path(state)).new"
        let file = try Descriptor.opening(draft, O_WRONLY | O_CREAT)
        try file.writeAll(text)
        guard ftruncate(file.number, off_t(size)) == 0 else { throw LauncherError.system("ftruncate \(draft)") }
        guard tributary_exchange(draft, LauncherRecord.path(state)) != 0 else { return }
        guard rename(draft, LauncherRecord.path(state)) == 0 else { throw LauncherError.system("rename \(draft)") }
    }
}

extension LauncherRecord.Stage {
    init(_ child: Supervision.Child, started: String?, launched: Double, lastLine: String?, folder: String) {
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
            lastEnd: child.lastEnd?.description, lastLine: child.lastEnd == nil ? nil : lastLine,
            troubles: Self.troubles(of: child, launched: launched, folder: folder))
    }

    private static func troubles(of child: Supervision.Child, launched: Double, folder: String) -> [StageTrouble] {
        var troubles: [StageTrouble] = []
        if let since = child.lackingRoomSince {
            troubles.append(
                StageTrouble(
                    kind: .disk, about: folder, text: "its disk is full",
                    remedy: "make room there (`df -h \(folder)`): it starts again by itself and goes on where it was",
                    since: launched + since.inSeconds))
        }
        if let kill = child.kill {
            troubles.append(
                StageTrouble(
                    kind: .killed, about: child.stage.description, text: kill.killing.text,
                    remedy: kill.killing.remedy, since: launched + kill.at.inSeconds))
        }
        return troubles
            + child.troubles.compactMap { told in
                guard let kind = StageTrouble.Kind(rawValue: told.kind), let remedy = kind.remedy else { return nil }
                return StageTrouble(
                    kind: kind, about: told.about, text: told.text, remedy: remedy,
                    since: launched + told.since.inSeconds)
            }
    }
}

extension Duration {
    var inSeconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}
