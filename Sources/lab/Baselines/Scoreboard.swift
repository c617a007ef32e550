import Corpus
import FoundationEssentials

/// Every model's score of every held-out stay: what intervals and differences are computed from, here and later. Written as
/// JSON (docs/generator.md, "Scores").
struct Scoreboard: Codable {
    struct Stay: Codable {
        let cloud: String
        /// A number for each patient, of no meaning elsewhere.
        let patient: Int
        let died: Bool
    }

    struct Model: Codable {
        let name: String
        /// As in report.json: base, alone, federated, pooled, oracle, other; and logistic-alone, other there.
        let kind: String
        /// The cloud whose records alone it learned from.
        let cloud: String?
        /// Higher is nearer to death; one for each stay.
        let scores: [Double]
        let keptRound: Int?
        let rounds: Int?
        /// Mean -log probability of the outcome, where the score is a logit.
        let logLoss: Double?
    }

    struct Row: Codable {
        let name: String
        let kind: String
        let auroc: PairedBootstrap.Interval
        let auprc: Double?
        let logLoss: Double?
        let keptRound: Int?
        let rounds: Int?
    }

    struct Difference: Codable {
        let name: String
        let auroc: PairedBootstrap.Interval
    }

    var format = 1
    var label = "outside the federation: reads all clouds' data"
    var standardisation: String
    var stays: [Stay]
    var models: [Model]
    var table: [Row] = []
    var differences: [Difference] = []

    static let resamples = 2000

    init(standardisation: String, stays: [Stay], models: [Model]) throws {
        self.standardisation = standardisation
        self.stays = stays
        self.models = models
        try summarise()
    }

    static let ownName = "each stay by its own cloud's model"
    static let ownLogisticName = "each stay by its own cloud's logistic regression"
    static let pooledLogisticName = "logistic regression, pooled"

    /// Each held-out stay by the model of its own cloud, ranked together: what the clouds have without a federation. `kind`
    /// is that of the clouds' models.
    func own(_ kind: String) -> [Double]? {
        let alone = Dictionary(
            models.filter { $0.kind == kind }.compactMap { model in model.cloud.map { ($0, model.scores) } }
        ) { first, _ in first }
        let scores = stays.indices.compactMap { index in alone[stays[index].cloud]?[index] }
        return scores.count == stays.count && !scores.isEmpty ? scores : nil
    }

    private mutating func summarise() throws {
        var all = models
        for (kind, name) in [("alone", Scoreboard.ownName), ("logistic-alone", Scoreboard.ownLogisticName)] {
            guard let own = own(kind) else { continue }
            all.append(
                Model(name: name, kind: "other", cloud: nil, scores: own, keptRound: nil, rounds: nil, logLoss: nil))
        }
        guard
            let bootstrap = PairedBootstrap(
                patients: stays.map(\.patient), died: stays.map(\.died), scores: all.map(\.scores),
                resamples: Scoreboard.resamples)
        else { throw LabError("the held-out stays have one outcome only: no AUROC can be computed") }
        table = all.enumerated().map { index, model in
            Row(
                name: model.name, kind: model.kind, auroc: bootstrap.interval { $0[index] },
                auprc: RankingMetrics.averagePrecision(zip(model.scores, stays).map { ($0, $1.died) }),
                logLoss: model.logLoss, keptRound: model.keptRound, rounds: model.rounds)
        }
        let alone = all.indices.filter { all[$0].kind == "alone" }
        func mean(_ values: [Double]) -> Double { alone.reduce(0) { $0 + values[$1] } / Double(alone.count) }
        guard let federated = all.firstIndex(where: { $0.kind == "federated" }) else { return }
        if !alone.isEmpty {
            differences.append(
                Difference(
                    name: "federation minus the mean of the clouds alone",
                    auroc: bootstrap.interval { $0[federated] - mean($0) }))
        }
        for (index, model) in all.enumerated() where model.kind == "pooled" || model.name == Scoreboard.ownName {
            differences.append(
                Difference(
                    name: "federation minus \(model.name)", auroc: bootstrap.interval { $0[federated] - $0[index] }))
        }
    }

    func encoded() throws -> Data {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return try encoder.encode(self)
    }

    init(reading path: String) throws {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        do {
            self = try decoder.decode(Scoreboard.self, from: try Data(contentsOf: URL(filePath: path)))
        } catch { throw LabError("\(path): not a file of scores: \(error)") }
    }

    /// The table as people read it.
    var text: String {
        let deaths = stays.count(where: \.died)
        let patients = Set(stays.map { "\($0.cloud) \($0.patient)" }).count
        var lines = ["\(label)", "held out: \(stays.count) stays of \(patients) patients, \(deaths) deaths"]
        let width = (table.map(\.name.count) + differences.map(\.name.count)).max() ?? 0
        func row(_ name: String, _ interval: PairedBootstrap.Interval, _ note: String = "") -> String {
            let padding = String(repeating: " ", count: width - name.count)
            return
                "  \(name)\(padding)  \(Scoreboard.shown(interval.estimate))  "
                + "[\(Scoreboard.shown(interval.low)), \(Scoreboard.shown(interval.high))]\(note)"
        }
        for entry in table {
            let note = entry.keptRound.map { "  round \($0) of \(entry.rounds ?? 0) kept" } ?? ""
            lines.append(row(entry.name, entry.auroc, note))
        }
        lines += differences.map { row($0.name, $0.auroc) }
        return lines.joined(separator: "\n") + "\n"
    }

    static func shown(_ value: Double) -> String {
        let thousandths = Int((abs(value) * 1000).rounded())
        let fraction = String("00\(thousandths % 1000)".suffix(3))
        return "\(value < 0 && thousandths > 0 ? "-" : "")\(thousandths / 1000).\(fraction)"
    }
}
