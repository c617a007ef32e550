internal import Federation
internal import Glibc
internal import Launching
internal import Topology

/// What the launcher knows of this host's stages, and what they say of themselves.
enum StageCheck {
    /// A wait shorter than this is a round's own pace.
    private static let patience = 60.0

    static func findings(_ topology: Topology, _ stages: [StageName]) throws -> [Finding] {
        let record = try LauncherRecord.read(topology.statePath)
        guard let holder = try StateLock.holder(topology.statePath) else {
            let left = record.map { "; the last one was started \($0.started)" } ?? ""
            return [
                Finding(
                    .failure, "launcher", topology.statePath, "no launcher runs on it\(left)",
                    advice: "start the stages: tributary up \(topology.file)")
            ]
        }
        var findings = [Finding(.fine, "launcher", topology.statePath, "process \(holder)")]
        let now = TimeOfDay.seconds()
        for stage in record?.stages ?? [] { findings.append(finding(stage, now)) }
        let known = Set(record?.stages.map(\.stage) ?? [])
        for stage in stages where !known.contains(stage.description) {
            findings.append(
                Finding(
                    .warning, "stage", "\(stage)", "its keys are here, but the launcher does not run it",
                    advice: "start its cloud too, or leave it: `tributary up --cloud \(stage.cloud)`"))
        }
        return findings
    }

    /// Those whose processes a launcher looks after at present.
    static func supervised(_ topology: Topology, _ stages: [StageName]) throws -> Set<StageName> {
        guard try StateLock.holder(topology.statePath) != nil,
            let record = try LauncherRecord.read(topology.statePath)
        else { return [] }
        let known = Set(record.stages.map(\.stage))
        return Set(stages.filter { known.contains($0.description) })
    }

    private static func finding(_ stage: LauncherRecord.Stage, _ now: Double) -> Finding {
        let end = stage.lastEnd.map { "; its last process ended with \($0)" } ?? ""
        switch stage.state {
        case "ready":
            let waited = stage.statusSince.map { now - $0 } ?? 0
            let text = (stage.status ?? "ready") + stage.since(now)
            let isLong = stage.isWaiting && waited >= patience
            return Finding(isLong ? .warning : .fine, "stage", stage.stage, text)
        case "ended" where stage.lastEnd == "exit status 0":
            return Finding(.fine, "stage", stage.stage, "has ended in order")
        case "ended":
            return Finding(
                .failure, "stage", stage.stage, "does not run\(end)", advice: advice(stage))
        case "backing-off" where stage.wantedRoom:
            return Finding(
                .failure, "stage", stage.stage, "waits for room on its disk\(end)",
                advice: "make room: it starts again by itself and goes on where it was")
        case "backing-off":
            return Finding(
                .failure, "stage", stage.stage, "ends again and again (\(stage.restarts) restarts)\(end)",
                advice: advice(stage))
        default:
            return Finding(
                .warning, "stage", stage.stage, "\(stage.state)\(end)", advice: stage.wasKilled ? advice(stage) : nil)
        }
    }

    /// What its last words say; one that was killed had none about its end.
    private static func advice(_ stage: LauncherRecord.Stage) -> String {
        if stage.wasKilled {
            return
                "it was killed: by somebody, or by the kernel where memory ran out (`journalctl -k | grep -i 'out of memory'` tells)"
        }
        return stage.lastLine.map { LogLine($0) }.map { $0["reason"] ?? $0.raw } ?? "read its log: tributary logs"
    }
}

extension LauncherRecord.Stage {
    var wasKilled: Bool { lastEnd == ProcessEnd.signal(SIGKILL).description }

    /// It said so with its exit status.
    var wantedRoom: Bool { lastEnd == ProcessEnd.exit(74).description }

    var isWaiting: Bool { status?.hasPrefix("waiting") ?? false }

    /// ` (for 4 min 12 s)`, for what the stage says of itself.
    func since(_ now: Double) -> String {
        guard let statusSince, status != nil, now - statusSince >= 1 else { return "" }
        return " (for \(Terminal.span(now - statusSince)))"
    }
}

extension Terminal {
    /// `12 s`, `4 min 12 s`, `3 h 5 min`
    static func span(_ seconds: Double) -> String {
        let whole = Int(max(0, min(seconds, 1e12)))
        if whole < 60 { return "\(whole) s" }
        if whole < 3600 { return "\(whole / 60) min \(whole % 60) s" }
        return "\(whole / 3600) h \(whole / 60 % 60) min"
    }
}
