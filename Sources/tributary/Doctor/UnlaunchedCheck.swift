internal import Federation
internal import StageKit
internal import Topology

/// The stages of a host without a launcher: a service manager or a container runs each of them (`tributary export`), or nobody does.
enum UnlaunchedCheck {
    private enum Sight {
        case ready(Int32)
        /// It is there, and takes no part.
        case busy(String)
        case still(Int32, String)
        case away(String)
        case hidden(String)

        var isThere: Bool {
            switch self {
            case .ready, .busy, .still: true
            case .away, .hidden: false
            }
        }
    }

    /// Nil where none runs.
    static func findings(_ topology: Topology, _ stages: [StageName]) -> [Finding]? {
        let seen = stages.map { ($0, look(at: StageProbe.lock(in: topology.stateFolder(of: $0)))) }
        let count = seen.count { $0.1.isThere }
        guard count > 0 else { return nil }
        return [
            Finding(
                .fine, "launcher", topology.statePath,
                "none: \(count) of \(seen.count) stages run under something else; swap, plan and apply want a launcher")
        ] + seen.map { finding($0, $1) }
    }

    /// How many run.
    static func count(_ topology: Topology, _ stages: [StageName]) -> Int {
        stages.count { look(at: StageProbe.lock(in: topology.stateFolder(of: $0))).isThere }
    }

    private static func finding(_ stage: StageName, _ sight: Sight) -> Finding {
        let ask = "ask what runs it: `systemctl status`, `docker compose ps`, `kubectl get pods`"
        switch sight {
        case .ready(let pid):
            return Finding(.fine, "stage", "\(stage)", "ready, supervised by something else (process \(pid))")
        case .busy(let text): return Finding(.warning, "stage", "\(stage)", text)
        case .still(let pid, let text):
            return Finding(
                .failure, "stage", "\(stage)", text,
                advice:
                    "let it go on (`kill -CONT \(pid)`), or end it (`kill -KILL \(pid)`): what supervises it starts it again"
            )
        case .away(let text): return Finding(.failure, "stage", "\(stage)", "does not run: \(text)", advice: ask)
        case .hidden(let why):
            return Finding(
                .warning, "stage", "\(stage)", "its state cannot be looked at: \(why)",
                advice: "run doctor as the user whom it belongs to")
        }
    }

    private static func look(at lock: String) -> Sight {
        let word: StageProbe.Word
        do { word = try StageProbe.word(at: lock) } catch {
            switch error {
            case .unreadable(let why): return .hidden(why)
            case .neverStarted, .unsaid: return .away("it \(error)")
            }
        }
        // Its number may be another's by now, or one of a container's own; then only the lock tells.
        guard let state = ProcessState.letter(of: word.process), StageProbe.isFresh(word) || StageProbe.isHeld(lock)
        else { return .away("process \(word.process) is gone") }
        if state == "T" || state == "t" {
            return .still(word.process, "process \(word.process) is stopped by a signal")
        }
        if let refusal = StageProbe.refusal(.live, lock: lock) { return .still(word.process, refusal) }
        return word.phase == .ready ? .ready(word.process) : .busy("process \(word.process) is \(word.phase.rawValue)")
    }
}
