internal import FoundationEssentials
internal import Glibc

/// The table of scores that `tributary-lab compare` computes, outside the federation, in a process of its own: it alone
/// loads the engine, and it alone reads all clouds' data at once.
struct Yardsticks: Decodable {
    struct Interval: Decodable {
        let estimate: Double
        let low: Double
        let high: Double
    }

    struct Row: Decodable {
        let name: String
        let kind: String
        let auroc: Interval
        let auprc: Double?
        let logLoss: Double?
        let keptRound: Int?
        let rounds: Int?
    }

    struct Difference: Decodable {
        let name: String
        let auroc: Interval
    }

    struct Stay: Decodable {
        let cloud: String
        let patient: Int
        let died: Bool
    }

    let label: String
    let standardisation: String
    let stays: [Stay]
    let table: [Row]
    let differences: [Difference]

    /// Runs the laboratory; its lines about progress are shown while it works.
    static func compute(
        topology: String, adapter: String, truth: String?, out: String, view: DemoView
    ) throws -> Yardsticks {
        let path = "\(try StageFolder.path(given: nil))/tributary-lab"
        guard access(path, X_OK) == 0 else {
            throw LauncherError.configuration(
                "\(path) cannot be run: build it, or leave the yardsticks out with --no-compare")
        }
        var arguments = ["compare", topology, "--adapter", adapter, "--out", out]
        if let truth { arguments += ["--truth", truth] }
        try Subprocess.run(path, arguments) { view.busy("yardsticks, outside the federation: \($0)") }
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(Yardsticks.self, from: try Data(contentsOf: URL(filePath: out)))
    }
}
