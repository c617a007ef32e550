import ArgumentParser
import Corpus

struct LogisticCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "logistic",
        abstract:
            "Logistic regression on the harmonised variables: each cloud alone, and pooled. Outside the federation.",
        discussion: "AUROC on the held-out patients of all clouds together.")

    @Option(name: .customLong("cloud"), help: "NAME=FILE, the ingest config of a cloud; once for each.")
    var clouds: [String]
    @Option(help: "truth.csv of the generator, for the Bayes AUROC.") var truth: String?
    @Option(help: "Cross-validate over so many folds of patients instead of the configs' split.") var folds: Int?
    @Option(help: "Draws other folds.") var salt = "baseline"
    @Option(help: "The ridge penalty.") var ridge = 1.0

    func validate() throws {
        for cloud in clouds where !cloud.contains("=") { throw ValidationError("--cloud \(cloud): expected NAME=FILE") }
        if let folds, !(2...20).contains(folds) { throw ValidationError("--folds: expected 2 to 20, found \(folds)") }
        guard ridge >= 0 else { throw ValidationError("--ridge: expected at least 0, found \(ridge)") }
    }

    func run() throws {
        let data = try clouds.map { cloud in
            let parts = cloud.split(separator: "=", maxSplits: 1).map(String.init)
            guard parts.count == 2 else { throw ValidationError("--cloud \(cloud): expected NAME=FILE") }
            return LogisticBaseline.Cloud(
                name: parts[0], data: try Ingest(IngestConfiguration.read(at: parts[1])).harmonise())
        }
        let baseline = LogisticBaseline(clouds: data, ridge: ridge)
        let result = try folds.map { try baseline.crossValidate(folds: $0, salt: salt) } ?? baseline.run()
        let deaths = result.scored.count(where: \.died)
        print("logistic regression, outside the federation (reads all clouds' data)")
        print("held out: \(result.scored.count) stays, \(deaths) deaths")
        for cloud in data {
            let inside = result.inside(cloud.name)
            print(
                "  \(cloud.name) alone: \(shown(result.alone(cloud.name))) on all held-out stays, "
                    + "\(shown(inside.own)) on its own (pooled \(shown(inside.pooled)))")
        }
        print("  each stay by its own cloud's model: \(shown(result.own))")
        print("  pooled: \(shown(result.pooled)) (average precision \(shown(result.pooledPrecision)))")
        if let truth {
            let bayes = try TruthTable(path: truth).bayes(result.scored.map { ($0.cloud, $0.stay, $0.died) })
            print("  Bayes (the true probabilities): \(shown(bayes))")
        }
    }

    private func shown(_ value: Double?) -> String {
        guard let value else { return "none (one outcome only)" }
        let thousandths = Int((value * 1000).rounded())
        return thousandths >= 1000 ? "1.000" : "." + String("00\(thousandths)".suffix(3))
    }
}
