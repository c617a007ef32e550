import Corpus
import FoundationEssentials

/// Scores of several runs put together: means over seeds, or one table over folds.
struct QualitySummary: Codable {
    struct Row: Codable {
        let name: String
        let kind: String
        let auroc: PairedBootstrap.Interval
        /// Of each run, in the order of `runs`.
        let each: [Double]
        /// Mean over clouds and runs of the AUROC inside one cloud: it asks nothing of calibration between clouds.
        let insideClouds: Double?
    }

    var format = 1
    let label: String
    let runs: [String]
    let stays: Int
    let deaths: Int
    let table: [Row]
    let differences: [Scoreboard.Difference]

    /// Every run has patients of its own: figures are means over runs.
    init(seeds boards: [(name: String, board: Scoreboard)]) throws {
        guard let first = boards.first?.board else { throw LabError("no run") }
        let names = first.table.map(\.name)
        for (name, board) in boards where board.table.map(\.name) != names {
            throw LabError("\(name) has other rows than \(boards[0].name)")
        }
        let scores = boards.map { QualitySummary.scores($0.board) }
        let bootstraps = zip(boards, scores).enumerated().compactMap { index, pair in
            PairedBootstrap(
                patients: pair.0.board.stays.map(\.patient), died: pair.0.board.stays.map(\.died),
                scores: pair.1.map(\.scores), resamples: Scoreboard.resamples, seed: UInt64(index + 1))
        }
        guard bootstraps.count == boards.count else { throw LabError("a run's held-out stays have one outcome only") }
        func mean(_ statistic: ([Double]) -> Double) -> PairedBootstrap.Interval {
            let count = Double(bootstraps.count)
            let resamples = bootstraps.map(\.resampled.count).min() ?? 0
            let values = (0..<resamples).map { sample in
                bootstraps.reduce(0) { $0 + statistic($1.resampled[sample]) } / count
            }
            return PairedBootstrap.interval(bootstraps.reduce(0) { $0 + statistic($1.observed) } / count, values)
        }
        let models = scores[0]
        table = models.enumerated().map { index, model in
            Row(
                name: model.name, kind: model.kind, auroc: mean { $0[index] },
                each: bootstraps.map { $0.observed[index] },
                insideClouds: QualitySummary.insideClouds(zip(boards, scores).map { ($0.board, $1[index].scores) }))
        }
        differences = QualitySummary.contrasts(models).map { .init(name: $0.name, auroc: mean($0.statistic)) }
        runs = boards.map(\.name)
        stays = boards.reduce(0) { $0 + $1.board.stays.count }
        deaths = boards.reduce(0) { $0 + $1.board.stays.count(where: \.died) }
        label = "means over \(boards.count) seeds, each a population and a run of its own"
    }

    /// Every stay is held out in one run: scores out of fold are ranked together.
    init(folds boards: [(name: String, board: Scoreboard)]) throws {
        guard let first = boards.first?.board else { throw LabError("no run") }
        let models = QualitySummary.scores(first)
        let each = boards.map { QualitySummary.scores($0.board) }
        var (patients, died) = ([Int](), [Bool]())
        for (_, board) in boards {
            let offset = (patients.max() ?? -1) + 1
            patients += board.stays.map { $0.patient + offset }
            died += board.stays.map(\.died)
        }
        let joined = try models.indices.map { index in
            try each.enumerated().flatMap { run, scores -> [Double] in
                guard scores.count == models.count, scores[index].name == models[index].name else {
                    throw LabError("\(boards[run].name) has other rows than \(boards[0].name)")
                }
                return scores[index].scores
            }
        }
        guard
            let bootstrap = PairedBootstrap(
                patients: patients, died: died, scores: joined, resamples: Scoreboard.resamples)
        else { throw LabError("the stays have one outcome only") }
        table = models.enumerated().map { index, model in
            Row(
                name: model.name, kind: model.kind, auroc: bootstrap.interval { $0[index] },
                each: zip(boards, each).compactMap { run, scores in
                    RankingMetrics.auroc(zip(scores[index].scores, run.board.stays).map { ($0, $1.died) })
                },
                insideClouds: QualitySummary.insideClouds(zip(boards, each).map { ($0.board, $1[index].scores) }))
        }
        differences = QualitySummary.contrasts(models).map {
            .init(name: $0.name, auroc: bootstrap.interval(of: $0.statistic))
        }
        runs = boards.map(\.name)
        stays = died.count
        deaths = died.count(where: { $0 })
        label = "out of fold, \(boards.count) patient-grouped folds: every stay is scored by the run that held it out"
    }

    private typealias Scores = (name: String, kind: String, scores: [Double])

    /// The models, and what the clouds have without a federation.
    private static func scores(_ board: Scoreboard) -> [Scores] {
        board.models.map { ($0.name, $0.kind, $0.scores) }
            + (["alone", "logistic-alone"].compactMap { kind in
                board.own(kind).map { (kind == "alone" ? Scoreboard.ownName : Scoreboard.ownLogisticName, "other", $0) }
            })
    }

    private static func contrasts(_ models: [Scores]) -> [(name: String, statistic: ([Double]) -> Double)] {
        guard let federated = models.firstIndex(where: { $0.kind == "federated" }) else { return [] }
        let alone = models.indices.filter { models[$0].kind == "alone" }
        var contrasts: [(name: String, statistic: ([Double]) -> Double)] = []
        if !alone.isEmpty {
            contrasts.append(
                (
                    "federation minus the mean of the clouds alone",
                    { values in values[federated] - alone.reduce(0) { $0 + values[$1] } / Double(alone.count) }
                ))
        }
        for (index, model) in models.enumerated()
        where model.kind == "pooled" || model.kind == "base" || model.name == Scoreboard.ownName
            || model.name == Scoreboard.pooledLogisticName
        {
            contrasts.append(("federation minus \(model.name)", { $0[federated] - $0[index] }))
        }
        return contrasts
    }

    private static func insideClouds(_ runs: [(board: Scoreboard, scores: [Double])]) -> Double? {
        let values = runs.flatMap { board, scores in
            Set(board.stays.map(\.cloud)).sorted().compactMap { cloud in
                RankingMetrics.auroc(zip(scores, board.stays).filter { $1.cloud == cloud }.map { ($0, $1.died) })
            }
        }
        return values.isEmpty ? nil : values.reduce(0, +) / Double(values.count)
    }

    func encoded() throws -> Data {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return try encoder.encode(self)
    }

    var text: String {
        let width = (table.map(\.name.count) + differences.map(\.name.count)).max() ?? 0
        func padded(_ name: String) -> String { name + String(repeating: " ", count: max(0, width - name.count)) }
        func interval(_ value: PairedBootstrap.Interval) -> String {
            "\(Scoreboard.shown(value.estimate))  [\(Scoreboard.shown(value.low)), \(Scoreboard.shown(value.high))]"
        }
        var lines = [
            "\(label)",
            "\(stays) held-out stays, \(deaths) deaths; AUROC, 95 % intervals by patient, 2000 paired resamples",
            "\(padded(""))  AUROC  interval          inside clouds  each run",
        ]
        for row in table {
            let inside = row.insideClouds.map(Scoreboard.shown) ?? "-    "
            let each = row.each.map(Scoreboard.shown).joined(separator: " ")
            lines.append("\(padded(row.name))  \(interval(row.auroc))    \(inside)          \(each)")
        }
        lines += differences.map { "\(padded($0.name))  \(interval($0.auroc))" }
        lines.append("All rows but the federation's read all clouds' data, outside the federation.")
        return lines.joined(separator: "\n") + "\n"
    }
}
