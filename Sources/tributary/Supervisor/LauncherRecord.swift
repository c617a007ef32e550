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

    /// Beside it first, then by its name: a reader never sees half of it. On a full disk it takes the place of a file that is kept
    /// for that, so that it can be said there that the disk is full.
    func write(_ state: String) throws {
        let (path, spare) = (LauncherRecord.path(state), "\(LauncherRecord.path(state)).spare")
        let text = try LauncherRecord.filledUp(encoded())
        let draft = "\(path).new"
        do {
            try Descriptor.opening(draft, O_WRONLY | O_CREAT | O_TRUNC).writeAll(text)
            guard rename(draft, path) == 0 else { throw LauncherError.system("rename \(draft)") }
        } catch {
            unlink(draft)
            guard LauncherRecord.size(of: spare) >= text.count else { throw error }
            try Descriptor.opening(spare, O_WRONLY).writeAll(text)
            // The one that is replaced is as large, and is the next spare.
            guard truncate(spare, off_t(text.count)) == 0, tributary_exchange(spare, path) == 0 else { throw error }
            return
        }
        guard LauncherRecord.size(of: spare) < text.count else { return }
        do { try Descriptor.opening(spare, O_WRONLY | O_CREAT | O_TRUNC).writeAll(text) } catch { unlink(spare) }
    }

    /// With spaces to twice its length or 64 KiB: the next ones fit where this one lies.
    private static func filledUp(_ text: [UInt8]) -> [UInt8] {
        let page = 4096
        let size = max(65_536, (2 * text.count + page - 1) / page * page)
        return text + [UInt8](repeating: UInt8(ascii: " "), count: size - text.count)
    }

    /// 0 where it is not there.
    private static func size(of path: String) -> Int {
        var information = stat()
        return stat(path, &information) == 0 ? Int(information.st_size) : 0
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
        if let failure = child.failure {
            troubles.append(
                StageTrouble(
                    kind: .failed, about: child.stage.description, text: failure.text,
                    remedy: failure.remedy(for: child.stage), since: launched + failure.since.inSeconds))
        }
        if let kill = child.kill {
            troubles.append(
                StageTrouble(
                    kind: .killed, about: child.stage.description, text: kill.killing.text,
                    remedy: kill.killing.remedy, since: launched + kill.at.inSeconds))
        }
        if let stillness = child.stillness, let pid = child.pid {
            troubles.append(
                StageTrouble(
                    kind: .still, about: child.stage.description, text: stillness.text(of: pid),
                    remedy: stillness.remedy(for: pid), since: launched + stillness.since.inSeconds))
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
