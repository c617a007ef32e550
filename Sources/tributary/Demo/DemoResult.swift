internal import Federation
internal import FoundationEssentials
internal import Glibc
internal import Publication
internal import Topology
internal import View

/// What a demo found, as a table for people and as the run's report.
struct DemoResult {
    let topology: Topology
    let progress: RunProgress
    let yardsticks: Yardsticks?
    let manifest: ReleaseManifest
    /// Every round of the run.
    let rounds: [ReleaseManifest.Round]
    /// The last release's folder.
    let release: String
    let seconds: Double
    let isReal: Bool

    var simulated: [String] {
        let machine = "the clouds are processes of one machine and one user, the links between them are loopback"
        return isReal ? [machine] : [machine, "patients and tables are generated"]
    }

    /// Values of an update as 32-bit floats.
    private func plainBytes(_ round: RunProgress.Round) -> Int { round.values * 4 }

    var commands: [RunReport.Command] {
        let key = "\(topology.keysPath)/public/\(topology.publish.cloud)/minisign.pub"
        // As this program was called, so that the lines can be pasted where it is not on the PATH.
        let program = CommandLine.arguments.first ?? "tributary"
        return [
            .init(purpose: "Verify the release and its chain", line: "\(program) verify \(release) --key \(key)"),
            .init(
                purpose: "The same signature by minisign",
                line: "minisign -V -p \(key) -m \(release)/\(ReleaseManifest.name)"),
            .init(
                purpose: "Load it with Hugging Face PEFT",
                line:
                    "python3 -c \"from transformers import AutoModelForCausalLM as M; from peft import PeftModel as P; "
                    + "print(P.from_pretrained(M.from_pretrained('models/base'), '\(release)'))\""),
            .init(
                purpose: "What the stages said",
                line: "\(program) logs --topology \(topology.file) --state \(topology.statePath)"),
        ]
    }

    var aggregateSaw: [String] {
        let updates = progress.rounds(of: "update")
        let rounds = progress.rounds.filter(\.isReleased)
        let contributions = rounds.reduce(0) { $0 + $1.counted.count }
        let bytes = rounds.reduce(0) { $0 + $1.counted.values.reduce(0, +) }
        let cohort = self.rounds.last { $0.purpose == .update }?.cohort ?? []
        let total = cohort.reduce(0) { $0 + $1.weight }
        let weights = cohort.map {
            "\($0.cloud) \(Fixed.text($0.weight, 0)) (\(Fixed.text(100 * $0.weight / max(total, 1), 0)) %)"
        }
        let isSealed = topology.suite != .clear
        let form = topology.suite == .secagg ? "masked values" : "ciphertexts"
        let encryption =
            manifest.privacy.encryption
            ?? .init(formula: "full", fraction: 1, noise: 0, noiseDeviation: 0, epsilon: nil, warning: nil)
        return [
            "\(contributions) contributions of \(rounds.count) rounds, \(Bytes.text(bytes)) in all: "
                + (isSealed ? form : "CLEAR NUMBERS, because the suite is clear"),
            "who took part in which round, and sizes: \(Bytes.text(updates.first?.counted.values.max() ?? 0)) an update",
            "weights, rounded to two significant bits: \(weights.joined(separator: ", "))",
            !isSealed
                ? "every cloud's update, in clear"
                : encryption.formula == "full"
                    ? "by construction no plaintext update, record, score or statistic, and no private key"
                    : "of every update what was not encrypted (\(encryption.summary)); by construction no record, score or statistic, "
                        + "and no private key",
        ]
    }

    // MARK: Report

    func report(created: Int, baseModel: String) -> RunReport {
        let privacy = ReleaseManifest.Privacy(
            suite: manifest.privacy.suite, profile: manifest.privacy.profile, assumption: manifest.privacy.assumption,
            keyMode: manifest.privacy.keyMode, whoCouldOpen: manifest.privacy.whoCouldOpen, bits: manifest.privacy.bits,
            clipNorm: manifest.privacy.clipNorm, minimumCohort: manifest.privacy.minimumCohort, simulated: simulated,
            encryption: manifest.privacy.encryption, damgardJurik: manifest.privacy.damgardJurik)
        return RunReport(
            run: manifest.run.description, createdAt: created, baseModel: baseModel, privacy: privacy,
            totalSeconds: seconds, rounds: reportRounds, table: reportTable, aggregateSaw: aggregateSaw,
            commands: commands, adapter: release,
            costs: costs?.clouds.map {
                .init(
                    cloud: "\($0.name)", cpuSeconds: $0.cpuSeconds, gpuSeconds: $0.gpuSeconds,
                    egressBytes: $0.egressBytes, amount: $0.amount)
            }, currency: costs?.currency)
    }

    /// As the stages left it.
    private var costs: RunCost? {
        var metrics = CostMetrics()
        for stage in HostMetrics(topology).stages { metrics.take(stage.text, of: stage.name) }
        return metrics.cost(FederationPlan(topology))
    }

    /// Update rounds, each with the figures of the validation round that followed it, if one did.
    private var reportRounds: [RunReport.Round] {
        let rounds = progress.rounds.filter(\.isReleased)
        return rounds.enumerated().filter { $1.purpose == "update" }.map { index, round in
            let next = index + 1 < rounds.count ? rounds[index + 1] : nil
            let scores = next?.purpose == "evaluation" && next?.split == "validation" ? next?.metrics : nil
            return RunReport.Round(
                round: round.number, loss: scores?["log_loss"], auroc: scores?["auroc"], auprc: scores?["auprc"],
                clouds: parts(of: round),
                phases: round.phases.map { .init(name: $0.name, seconds: $0.seconds) })
        }
    }

    /// What each cloud sent and got in an update round.
    private func parts(of round: RunProgress.Round) -> [RunReport.CloudRound] {
        let sent = [round.wireBytes, round.shareBytes, round.evidenceBytes]
        return Set(sent.flatMap(\.keys)).sorted().map { cloud in
            .init(
                cloud: cloud, wireBytes: round.wireBytes[cloud] ?? 0, fp32Bytes: plainBytes(round),
                shareBytes: round.shareBytes[cloud] ?? 0, evidenceBytes: round.evidenceBytes[cloud] ?? 0,
                adapterBytes: round.adapterBytes)
        }
    }

    private var reportTable: [RunReport.Row] {
        guard let yardsticks else {
            return testFigures.map { metrics in
                [
                    .init(
                        name: "federation", kind: .federated, auroc: metrics["test_auroc"] ?? 0,
                        auprc: metrics["test_auprc"], logLoss: metrics["test_log_loss"])
                ]
            } ?? []
        }
        return yardsticks.table.map {
            .init(
                name: $0.name, kind: RunReport.Kind(rawValue: $0.kind) ?? .other, auroc: $0.auroc.estimate,
                aurocLow: $0.auroc.low, aurocHigh: $0.auroc.high, auprc: $0.auprc, logLoss: $0.logLoss)
        }
    }

    /// What the federation's own test round released: from histograms, no score having left its cloud.
    private var testFigures: [String: Double]? {
        progress.rounds(of: "evaluation").last { $0.split == "test" }.map(\.metrics).flatMap {
            $0["test_auroc"] == nil ? nil : $0
        }
    }

    // MARK: Table

    func text(files: [String]) -> String {
        (scores + wire + [""] + phases + [""] + privacy + [""] + next(files)).joined(separator: "\n") + "\n"
    }

    private var scores: [String] {
        var lines: [String] = []
        if let yardsticks {
            let deaths = yardsticks.stays.count(where: \.died)
            let patients = Set(yardsticks.stays.map { "\($0.cloud) \($0.patient)" }).count
            lines.append(
                "AUROC on the held-out patients of all clouds (\(patients) patients, \(yardsticks.stays.count) stays, "
                    + "\(deaths) deaths; 95 % intervals by patient)")
            let width = (yardsticks.table.map(\.name.count) + yardsticks.differences.map(\.name.count)).max() ?? 0
            func row(_ name: String, _ value: Yardsticks.Interval, _ note: String) -> String {
                "  \(Terminal.padded(name, width))  \(Fixed.text(value.estimate, 3))  "
                    + "[\(Fixed.text(value.low, 3)), \(Fixed.text(value.high, 3))]\(note)"
            }
            for entry in yardsticks.table {
                let isOurs = entry.kind == "federated"
                lines.append(
                    row(entry.name, entry.auroc, isOurs ? "  <- \(progress.rounds(of: "update").count) rounds" : ""))
            }
            lines += yardsticks.differences.map { row($0.name, $0.auroc, "") }
            lines.append("  All rows but the federation's: \(yardsticks.label).")
        }
        if let figures = testFigures, let auroc = figures["test_auroc"] {
            let bound = figures["auroc_binning_bound"] ?? figures["test_auroc_binning_bound"] ?? 0
            lines.append(
                "The federation's own test round, from encrypted histograms: AUROC \(Fixed.text(auroc, 3)) "
                    + "(binning can move it by \(Fixed.text(bound, 4)))")
        } else {
            lines.append(
                "The federation's own test round withheld its figures: they would rest on fewer than 10 patients")
        }
        return lines + [""]
    }

    private var wire: [String] {
        let updates = progress.rounds(of: "update")
        // The report's own figures, so that no two tell of other bytes.
        let parts = updates.flatMap(parts(of:))
        guard let first = updates.first, !parts.isEmpty else { return [] }
        func average(_ bytes: [Int]) -> Int { bytes.reduce(0, +) / max(1, bytes.count) }
        let mean = Double(average(parts.map(\.wireBytes)))
        let plain = Double(plainBytes(first))
        func line(_ bytes: Int, _ what: String) -> String { "  \(Terminal.padded(Bytes.text(bytes), 10)) \(what)" }
        // After the last update nothing is sent.
        let adapter = average(parts.map(\.adapterBytes).filter { $0 > 0 })
        let (share, evidence) = (average(parts.map(\.shareBytes)), average(parts.map(\.evidenceBytes)))
        var lines = [
            "On the wire between clouds, a cloud and update round of \(first.values) values:",
            line(
                Int(mean),
                "its contribution: \(Fixed.text(mean / plain, 2)) of the same values as fp32, \(Bytes.text(plainBytes(first)))"
            ),
        ]
        if topology.suite == .paillier {
            let isAlone = topology.keys == .publisher
            lines += [
                line(share, "its share of the opening\(isAlone ? ": publish opens sums alone" : "")"),
                line(
                    evidence,
                    isAlone
                        ? "of sums and the others' contributions: it is shown none to check"
                        : "the sum's record and the others' contributions, which it checks before it helps"),
            ]
        }
        if topology.suite == .secagg {
            lines += [
                line(share, "what it sends to agree on masks and to take them off the sum"),
                line(evidence, "what it is sent for that"),
            ]
        }
        return lines + [
            line(adapter, "what makes the new adapter of the one before"),
            line(Int(mean) + share + evidence + adapter, "in all"),
        ]
    }

    private var phases: [String] {
        let updates = progress.rounds(of: "update")
        guard let names = updates.first?.phases.map(\.name), !updates.isEmpty else { return [] }
        let totals = names.map { name in
            updates.reduce(0) { $0 + ($1.phases.first { $0.name == name }?.seconds ?? 0) }
        }
        let parts = zip(names, totals).map { "\($0) \(Fixed.text($1 / Double(updates.count), 2))" }
        let update = updates.reduce(0) { $0 + $1.seconds }
        let others = progress.rounds.filter { $0.isReleased && $0.purpose != "update" }.reduce(0) { $0 + $1.seconds }
        return [
            "Seconds of an update round, on average: \(parts.joined(separator: ", "))",
            "All rounds: updates \(Fixed.text(update, 1)) s, statistics and evaluations \(Fixed.text(others, 1)) s; "
                + "the whole demo \(Fixed.text(seconds, 1)) s",
        ]
    }

    private var privacy: [String] {
        ["What aggregate saw:"] + aggregateSaw.map { "  \($0)" }
            + [
                "keys: \(topology.keysName): \(topology.trust)",
                "Simulated here: \(simulated.joined(separator: "; ")).",
            ]
    }

    private func next(_ files: [String]) -> [String] {
        ["The adapter: \(release)"] + commands.flatMap { ["  # \($0.purpose)", "  \($0.line)"] }
            + ["Report: \(files.joined(separator: ", "))"]
    }
}
