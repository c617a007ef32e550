internal import ArgumentParser
internal import Configuration
internal import Federation
internal import Topology

struct Validate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Checks a topology and tells everything that is wrong with it, with lines and suggestions.")

    @OptionGroup var options: TopologyOptions
    @Option(help: "Check the config files of this cloud alone (repeatable).")
    var cloud: [String] = []
    @Option(help: "text or json.")
    var format: OutputFormat = .text

    private struct Answer: Encodable {
        struct Finding: Encodable {
            let file: String
            let line: Int?
            let column: Int?
            let severity: String
            let message: String

            init(_ problem: Problem) {
                file = problem.file
                line = problem.line
                column = problem.column
                severity = problem.severity.rawValue
                message = problem.message
            }
        }

        struct Cloud: Encodable {
            let name: String
            let owner: String
            let stages: [String]
        }

        var federation: String?
        var run: String?
        var suite: String?
        var keys: String?
        /// Who together can open one cloud's update.
        var trust: String?
        var clouds: [Cloud] = []
        var problems: [Finding] = []
    }

    func run() throws {
        do {
            let topology = try options.load(clouds: cloud, warns: false)
            try WorkerPairs(topology).check()
            switch format {
            case .json: try Envelope(answer(topology)).printed()
            case .text:
                let count = topology.stages.count
                for warning in topology.warnings { print(warning) }
                print(
                    "\(topology.file): sound: \(topology.clouds.count) clouds (\(topology.dataClouds.count) with data), "
                        + "\(count) stages, suite \(topology.suite)")
                print("keys \(topology.keysName): \(topology.trust)")
            }
        } catch let error as ConfigurationError {
            if format == .text { throw error }
            var answer = Answer()
            answer.problems = error.problems.map(Answer.Finding.init)
            try Envelope(answer, exitCode: 78).printed()
            throw ExitCode(78)
        }
    }

    private func answer(_ topology: Topology) -> Answer {
        Answer(
            federation: topology.federation, run: topology.run.description, suite: topology.suite.rawValue,
            keys: topology.keysName, trust: topology.trust,
            clouds: topology.clouds.map {
                Answer.Cloud(name: $0.name.description, owner: $0.owner, stages: $0.stages.map(\.name.role.description))
            },
            problems: topology.warnings.map(Answer.Finding.init))
    }
}
