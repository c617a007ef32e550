internal import Federation
internal import Glibc
internal import Launching
internal import Topology

/// What the launcher knows of this host's stages, and what they say of themselves.
enum StageCheck {
    /// A wait shorter than this is a round's own pace.
    private static let patience = 60.0
    /// A kill that long ago, of a stage that runs, is history.
    private static let longAgo = 3600.0

    static func findings(_ topology: Topology, _ stages: [StageName]) throws -> [Finding] {
        let record = try LauncherRecord.read(topology.statePath)
        guard let holder = try StateLock.holder(topology.statePath) else {
            if let found = UnlaunchedCheck.findings(topology, stages) { return found }
            let left = record.map { "; the last one was started \($0.started)" } ?? ""
            return [
                Finding(
                    .failure, "launcher", topology.statePath, "no launcher runs on it\(left)",
                    advice:
                        "start the stages: `tributary up \(topology.file)`, or what runs them here (`systemctl start`, `docker compose up`)"
                )
            ]
        }
        var findings = [launcher(holder, topology)]
        let now = TimeOfDay.seconds()
        for stage in record?.stages ?? [] {
            findings.append(finding(stage, now))
            findings += (stage.troubles ?? []).filter { $0.kind != .failed }.map { finding($0, of: stage, now) }
        }
        let known = Set(record?.stages.map(\.stage) ?? [])
        for stage in stages where !known.contains(stage.description) {
            findings.append(
                Finding(
                    .warning, "stage", "\(stage)", "its keys are here, but the launcher does not run it",
                    advice: "start its cloud too, or leave it: `tributary up --cloud \(stage.cloud)`"))
        }
        return findings
    }

    private static func launcher(_ process: Int32, _ topology: Topology) -> Finding {
        guard let state = ProcessState.letter(of: process), state == "T" || state == "t" else {
            return Finding(.fine, "launcher", topology.statePath, "process \(process)")
        }
        return Finding(
            .failure, "launcher", topology.statePath,
            "process \(process) is stopped by a signal: it starts no stage again, and what it last said of them may be old",
            advice: "let it go on: `kill -CONT \(process)`")
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
        if let failure = stage.troubles?.first(where: { $0.kind == .failed }) {
            let words = stage.lastLine.map { LogLine($0) }.map { ": \($0["reason"] ?? $0.raw)" } ?? ""
            return Finding(
                .failure, "stage", stage.stage, "\(failure.finding(now))\(words)", advice: failure.remedy)
        }
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
        case "backing-off" where stage.has(.disk):
            return Finding(.warning, "stage", stage.stage, "waits for room on its disk\(end)")
        case "backing-off":
            return Finding(
                .failure, "stage", stage.stage, "ends again and again (\(stage.restarts) restarts)\(end)",
                advice: advice(stage))
        default:
            return Finding(.warning, "stage", stage.stage, "\(stage.state)\(end)")
        }
    }

    /// A clock, a version and a round that lacks a cloud are between two stages that go on; a full disk, or a kill from which the stage has not come back,
    /// stops one. A kill from which it has come back is news for a while.
    private static func finding(_ trouble: StageTrouble, of stage: LauncherRecord.Stage, _ now: Double) -> Finding {
        let area =
            switch trouble.kind {
            case .clock, .version, .disk, .round: trouble.kind.rawValue
            case .killed, .still, .failed: "stage"
            }
        let isOver = trouble.kind == .killed && stage.state == "ready"
        let isStopped = [.disk, .still].contains(trouble.kind) || trouble.kind == .killed && !isOver
        let verdict: Finding.Verdict =
            isStopped ? .failure : isOver && now - trouble.since > longAgo ? .fine : .warning
        return Finding(verdict, area, stage.stage, trouble.finding(now), advice: trouble.remedy)
    }

    /// What its last words say; one that was killed had none about its end.
    private static func advice(_ stage: LauncherRecord.Stage) -> String? {
        if stage.has(.killed) { return nil }
        return stage.lastLine.map { LogLine($0) }.map { $0["reason"] ?? $0.raw } ?? "read its log: tributary logs"
    }
}

extension LauncherRecord.Stage {
    func has(_ kind: StageTrouble.Kind) -> Bool { troubles?.contains { $0.kind == kind } ?? false }

    var isWaiting: Bool { status?.hasPrefix("waiting") ?? false }

    /// ` (for 4 min 12 s)`, for what the stage says of itself.
    func since(_ now: Double) -> String {
        guard let statusSince, status != nil, now - statusSince >= 1 else { return "" }
        return " (for \(Terminal.span(now - statusSince)))"
    }
}

extension StageTrouble {
    /// `release/publish: its clock is 9.0 s ahead of this host's (for 4 min 12 s)`
    func finding(_ now: Double) -> String {
        let span = Terminal.span(now - since)
        switch kind {
        case .clock, .version, .disk, .round: return "\(about): \(text) (for \(span))"
        case .still, .failed: return "\(text) (for \(span))"
        case .killed: return "\(text) (\(span) ago)"
        }
    }

    /// The same in the line of its stage, with what to do.
    func line(_ now: Double) -> String {
        (kind == .killed ? "" : "\(kind.rawValue): ") + "\(finding(now)): \(remedy)"
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
