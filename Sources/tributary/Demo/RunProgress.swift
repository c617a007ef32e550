/// What the stages' events tell of a run, gathered as they come. A value: the same events give the same story, whoever
/// reads them.
struct RunProgress {
    /// One round, from its opening to its release.
    struct Round {
        let number: Int
        let purpose: String
        let split: String
        let values: Int
        let bits: Int
        let openedAt: Double
        var cohort: [String] = []
        /// By cloud: seconds, and what arrived where.
        var trained: [String: Double] = [:]
        var quantised: [String: Double] = [:]
        var sealed: [String: Double] = [:]
        var wireBytes: [String: Int] = [:]
        /// Where clouds open sums: seconds that each took to check a sum and make its share, the bytes of its share as sent,
        /// and those of the others' contributions that it was shown.
        var helped: [String: Double] = [:]
        var shareBytes: [String: Int] = [:]
        var evidenceBytes: [String: Int] = [:]
        /// To each cloud, of the adapter after it; 0 after the last update.
        var adapterBytes = 0
        var counted: [String: Int] = [:]
        var lastSealedAt = 0.0
        var closedAt: Double?
        var openSeconds = 0.0
        var releasedAt: Double?
        var metrics: [String: Double] = [:]
        var folder: String?

        /// Contributions with the sender's weight only ever show here as bytes.
        var isReleased: Bool { releasedAt != nil }
    }

    private(set) var rounds: [Round] = []
    private(set) var steps = 0
    private(set) var ready: Set<String> = []
    /// What each cloud is busy with, in a word or two.
    private(set) var doing: [String: String] = [:]
    private(set) var isFinished = false
    /// Errors and warnings that a reader should see.
    private(set) var troubles: [String] = []

    var released: Int { rounds.count(where: \.isReleased) }
    var current: Round? { rounds.last { !$0.isReleased } }
    func rounds(of purpose: String) -> [Round] { rounds.filter { $0.purpose == purpose && $0.isReleased } }

    mutating func take(_ line: LogLine) {
        guard let event = line["event"], let cloud = line["cloud"], let stage = line["stage"] else { return }
        let at = line.time.flatMap(Clock.seconds) ?? 0
        if line["level"] == "error" {
            troubles.append("\(cloud)/\(stage): \(event)\(line["reason"].map { ": \($0)" } ?? "")")
        }
        let number = line.number("round").map { Int($0) }
        func update(_ change: (inout Round) -> Void) {
            guard let number, let index = rounds.lastIndex(where: { $0.number == number }) else { return }
            change(&rounds[index])
        }
        switch event {
        case "stage_ready": ready.insert("\(cloud)/\(stage)")
        case "round_opened":
            // Rounds are told once; a restarted stage may tell again.
            guard let number, !rounds.contains(where: { $0.number == number }) else { return }
            steps = Int(line.number("steps") ?? 0)
            rounds.append(
                Round(
                    number: number, purpose: line["purpose"] ?? "", split: line["split"] ?? "",
                    values: Int(line.number("values") ?? 0), bits: Int(line.number("bits") ?? 0), openedAt: at,
                    cohort: line.list("cohort")))
            doing = [:]
        case "tables_read": doing[cloud] = "tables read"
        case "shards_made": doing[cloud] = "shards made"
        case "training_progress":
            doing[cloud] = "step \(line["step"] ?? "?") of \(line["steps"] ?? "?")"
        case "round_trained":
            update { $0.trained[cloud] = line.number("seconds") ?? 0 }
            doing[cloud] = "sealing"
        case "round_scored": doing[cloud] = "sealing"
        case "contribution_sealed":
            update {
                $0.quantised[cloud] = line.number("quantise_seconds") ?? 0
                $0.sealed[cloud] = line.number("seal_seconds") ?? 0
                $0.lastSealedAt = max($0.lastSealedAt, at)
            }
            doing[cloud] = "sending"
        case "contribution_receipted":
            update { $0.wireBytes[cloud] = Int(line.number("wire_bytes") ?? 0) }
            doing[cloud] = "sent"
        case "share_made":
            update {
                $0.helped[cloud] = (line.number("check_seconds") ?? 0) + (line.number("open_seconds") ?? 0)
                $0.evidenceBytes[cloud] = Int(line.number("evidence_bytes") ?? 0)
            }
        case "advertisement_receipted", "shares_receipted", "consent_receipted", "disclosure_receipted":
            update { $0.shareBytes[cloud, default: 0] += Int(line.number("wire_bytes") ?? 0) }
        case "share_receipted": update { $0.shareBytes[cloud] = Int(line.number("wire_bytes") ?? 0) }
        case "contribution_counted":
            guard let sender = line["from"] else { return }
            update { $0.counted[sender] = Int(line.number("bytes") ?? 0) }
        case "round_closed": update { $0.closedAt = at }
        case "round_released":
            update { round in
                round.releasedAt = at
                round.openSeconds = line.number("open_seconds") ?? 0
                round.folder = line["folder"]
                round.adapterBytes = Int(line.number("adapter_bytes") ?? 0)
                for name in RunProgress.metricNames {
                    for key in [name, "test_\(name)"] {
                        if let value = line.number(key) { round.metrics[key] = value }
                    }
                }
            }
        case "round_abandoned": troubles.append("round \(line["round"] ?? "?") abandoned: \(line["reason"] ?? "")")
        case "run_finished": isFinished = true
        default: break
        }
    }

    private static let metricNames = ["auroc", "auprc", "log_loss", "auroc_binning_bound", "patients", "withheld"]
}

extension RunProgress.Round {
    /// Seconds of each phase, one after the other: clouds work side by side, so the slowest counts.
    var phases: [(name: String, seconds: Double)] {
        guard let closedAt, let releasedAt, lastSealedAt > 0 else { return [] }
        let open = min(openSeconds, Clock.between(closedAt, releasedAt))
        let share = min(helped.values.max() ?? 0, Clock.between(closedAt, releasedAt) - open)
        let first = [
            ("train", trained.values.max() ?? 0), ("quantise", quantised.values.max() ?? 0),
            ("seal", sealed.values.max() ?? 0), ("gather", Clock.between(lastSealedAt, closedAt)),
        ]
        return first + (helped.isEmpty ? [] : [("share", share)])
            + [("open", open), ("publish", Clock.between(closedAt, releasedAt) - open - share)]
    }

    var seconds: Double { releasedAt.map { Clock.between(openedAt, $0) } ?? 0 }
}

/// Times of events: seconds of the day, which is enough for differences of less than one.
enum Clock {
    /// `2026-01-31T08:00:01.5Z` is 28801.5.
    static func seconds(_ text: String) -> Double? {
        guard let start = text.firstIndex(of: "T"), text.last == "Z" else { return nil }
        let parts = text[text.index(after: start)...].dropLast().split(separator: ":").map { Double($0) }
        guard parts.count == 3, let hours = parts[0], let minutes = parts[1], let seconds = parts[2] else { return nil }
        return hours * 3600 + minutes * 60 + seconds
    }

    /// From one time to a later one, over midnight if it must be.
    static func between(_ first: Double, _ second: Double) -> Double {
        second >= first ? second - first : second - first < -43_200 ? second - first + 86_400 : 0
    }
}
