import DocumentedKeys
import Federation
import Foundation
import Publication
import Testing

/// `tributary demo` as its users run it, with its table, and small.
struct DemoRun: Sendable {
    let folder: String
    let printed: String
    let status: Int32

    init() throws {
        folder = "\(FederationRun.parent)/demo"
        try FileManager.default.createDirectory(atPath: FederationRun.parent, withIntermediateDirectories: true)
        (status, printed) = try Self.program(
            "tributary", ["demo", "--stays", "\(DemoRun.stays)", "--rounds", "2", "--out", folder])
    }

    static let stays = 120
    static let clouds = ["east", "north", "west"]

    private static let task = Task { try DemoRun() }
    static func shared() async throws -> DemoRun { try await task.value }

    /// A program of the build, from the checkout, and what it printed.
    static func program(_ name: String, _ arguments: [String]) throws -> (Int32, String) {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "\(FederationRun.binaries)/\(name)")
        process.arguments = arguments
        process.currentDirectoryURL = URL(fileURLWithPath: FederationRun.repository)
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        let output = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: output, as: UTF8.self))
    }

    func bytes(_ name: String) throws -> [UInt8] {
        Array(try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(name)")))
    }

    func report() throws -> RunReport { try RunReport(try bytes("report.json")) }

    func scores() throws -> Scores {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(Scores.self, from: Data(try bytes("scores.json")))
    }

    /// Of scores.json what the tests compute with.
    struct Scores: Decodable {
        struct Stay: Decodable {
            let cloud: String
            let patient: Int
            let died: Bool
        }
        struct Model: Decodable {
            let name: String
            let kind: String
            let cloud: String?
            let scores: [Double]
        }
        struct Interval: Decodable {
            let estimate: Double
            let low: Double
            let high: Double
        }
        struct Row: Decodable {
            let name: String
            let kind: String
            let auroc: Interval
        }
        let stays: [Stay]
        let models: [Model]
        let table: [Row]
        let differences: [Row.Difference]

        /// By its definition: how often a stay that ended in death has the higher score, a tie being half.
        func auroc(_ scores: [Double]) -> Double {
            let died = zip(scores, stays).filter(\.1.died).map(\.0)
            let lived = zip(scores, stays).filter { !$0.1.died }.map(\.0)
            let won = died.reduce(0.0) { sum, score in
                sum + lived.reduce(0.0) { $0 + (score > $1 ? 1 : score == $1 ? 0.5 : 0) }
            }
            return won / Double(died.count * lived.count)
        }
    }
}

extension DemoRun.Scores.Row {
    struct Difference: Decodable {
        let name: String
        let auroc: DemoRun.Scores.Interval
    }
}

extension PipelineSuite {
    @Suite("The demo and its table")
    struct DemoTests {
        private static func page(_ name: String) -> String { "\(FederationRun.repository)/docs/\(name).md" }

        @Test("It ends with a table that has every kind of row, over one set of held-out stays, with intervals")
        func table() async throws {
            let demo = try await DemoRun.shared()
            #expect(demo.status == 0, "\(demo.printed)")
            let (report, scores) = (try demo.report(), try demo.scores())
            let alone = DemoRun.clouds.map { "\($0) alone" }
            let expected: [(String, RunReport.Kind)] =
                [("base, untrained", .base)] + alone.map { ($0, .alone) }
                + [
                    ("all data pooled", .pooled), ("federation", .federated), ("logistic regression, pooled", .other),
                ]
                + DemoRun.clouds.map { ("logistic regression, \($0) alone", .other) }
                + [
                    ("Bayes (the true probabilities)", .oracle), ("each stay by its own cloud's model", .other),
                    ("each stay by its own cloud's logistic regression", .other),
                ]
            #expect(report.table.map(\.name) == expected.map(\.0))
            #expect(report.table.map(\.kind) == expected.map(\.1))
            #expect(Set(report.table.map(\.kind)) == Set(RunReport.Kind.allCases))
            // Every stay that ingest has held out, once for each model, and both outcomes among them.
            #expect(scores.models.allSatisfy { $0.scores.count == scores.stays.count })
            for cloud in DemoRun.clouds {
                let path = "state/\(cloud)/ingest/report.json"
                let ingest = try JSONSerialization.jsonObject(with: Data(try demo.bytes(path))) as? [String: Any]
                let split = (ingest?["splits"] as? [String: Any])?["test"] as? [String: Any]
                let held = scores.stays.filter { $0.cloud == cloud }
                #expect(held.count > 10 && split?["stays"] as? Int == held.count)
                #expect(split?["patients"] as? Int == Set(held.map(\.patient)).count)
                #expect(split?["died"] as? Int == held.count(where: \.died))
            }
            for row in report.table {
                let (low, high) = (try #require(row.aurocLow), try #require(row.aurocHigh))
                #expect(low < row.auroc && row.auroc < high && high - low < 0.6, "\(row)")
            }
        }

        @Test("Every AUROC of the table, the page and the terminal is what scores.json makes it by its definition")
        func recomputed() async throws {
            let demo = try await DemoRun.shared()
            let (report, scores) = (try demo.report(), try demo.scores())
            let page = String(decoding: try demo.bytes("report.html"), as: UTF8.self)
            var found: [String: Double] = [:]
            for model in scores.models { found[model.name] = scores.auroc(model.scores) }
            for (kind, name) in [
                ("alone", "each stay by its own cloud's model"),
                ("logistic-alone", "each stay by its own cloud's logistic regression"),
            ] {
                let own = try scores.stays.indices.map { index in
                    let cloud = scores.stays[index].cloud
                    return try #require(scores.models.first { $0.kind == kind && $0.cloud == cloud }).scores[index]
                }
                found[name] = scores.auroc(own)
            }
            #expect(Set(report.table.map(\.name)) == Set(found.keys))
            for row in report.table {
                let expected = try #require(found[row.name])
                #expect(abs(row.auroc - expected) < 1e-12, "\(row.name)")
                let inScores = try #require(scores.table.first { $0.name == row.name })
                #expect(abs(inScores.auroc.estimate - expected) < 1e-12, "\(row.name)")
                #expect(inScores.auroc.low == row.aurocLow && inScores.auroc.high == row.aurocHigh)
                let shown = String(format: "%.3f", expected)
                let line = demo.printed.split(separator: "\n").first { $0.hasPrefix("  \(row.name)  ") }
                #expect(line?.contains(" \(shown)  [") == true, "\(row.name): \(line ?? "no line")")
                #expect(page.contains(">\(shown)<"), "\(row.name)")
            }
            let mean = DemoRun.clouds.compactMap { found["\($0) alone"] }.reduce(0, +) / 3
            let federated = try #require(found["federation"])
            let gain = try #require(scores.differences.first)
            #expect(gain.name == "federation minus the mean of the clouds alone")
            #expect(abs(gain.auroc.estimate - (federated - mean)) < 1e-12)
            #expect(gain.auroc.low < gain.auroc.estimate && gain.auroc.estimate < gain.auroc.high)
            // The best that any model can do here is better than none.
            #expect(try #require(found["Bayes (the true probabilities)"]) > 0.6)
        }

        @Test("What it writes has the keys that its pages list, and the phases")
        func keys() async throws {
            let demo = try await DemoRun.shared()
            let fields = try DocumentedKeys.rows(of: Self.page("report"), under: "Fields")
            let written = try DocumentedKeys.paths(in: demo.bytes("report.json"))
            #expect(written.subtracting(fields) == [])
            // What a run of this kind leaves out: prices, and figures that would rest on too few patients.
            let optional: Set = ["costs[].amount", "rounds[].loss", "rounds[].auroc", "rounds[].auprc"]
            #expect(fields.subtracting(written).subtracting(optional) == [])
            let phases = try DocumentedKeys.items(of: Self.page("report"), under: "Phases")
            for round in try demo.report().rounds {
                #expect(Set(round.phases.map(\.name)) == phases, "round \(round.round)")
            }
            let scores = try DocumentedKeys.rows(of: Self.page("generator"), under: "Scores")
            #expect(try DocumentedKeys.paths(in: demo.bytes("scores.json")) == scores)

            // The same over seeds, of which this run is the first.
            let quality = "\(demo.folder)-quality"
            try FileManager.default.createDirectory(atPath: "\(quality)/seed-1", withIntermediateDirectories: true)
            try Data(demo.bytes("scores.json")).write(to: URL(fileURLWithPath: "\(quality)/seed-1/scores.json"))
            let (status, text) = try DemoRun.program(
                "tributary-lab", ["quality", "--seeds", "1", "--resume", "--out", quality])
            #expect(status == 0, "\(text)")
            let summary = Array(try Data(contentsOf: URL(fileURLWithPath: "\(quality)/quality.json")))
            let listed = try DocumentedKeys.rows(of: Self.page("generator"), under: "Scores of several runs")
            #expect(try DocumentedKeys.paths(in: summary) == listed)
        }

        @Test("The report's bytes are those that the terminal tells, and those that the stages logged")
        func wire() async throws {
            let demo = try await DemoRun.shared()
            let report = try demo.report()
            #expect(report.keyMode == "threshold" && report.rounds.count == 2)
            let parts = report.rounds.flatMap(\.clouds)
            #expect(parts.map(\.cloud) == DemoRun.clouds + DemoRun.clouds)
            // Under a shared key the contribution is the smaller part of what crosses.
            for part in parts {
                #expect(part.wireBytes > 0 && part.shareBytes > 0 && part.evidenceBytes > 0, "\(part)")
            }
            #expect(report.rounds[0].clouds.allSatisfy { $0.adapterBytes > 0 })
            func mean(_ bytes: [Int]) -> Double { Double(bytes.reduce(0, +)) / Double(max(bytes.count, 1)) }
            let adapter = mean(parts.map(\.adapterBytes).filter { $0 > 0 })
            let told: [(String, Double)] = [
                ("its contribution:", mean(parts.map(\.wireBytes))),
                ("its share of the opening", mean(parts.map(\.shareBytes))),
                ("the sum's record and the others' contributions", mean(parts.map(\.evidenceBytes))),
                ("what makes the new adapter", adapter),
                ("in all", mean(parts.map { $0.sentBytes + $0.evidenceBytes }) + adapter),
            ]
            let lines = demo.printed.components(separatedBy: "On the wire between clouds").last?.split(separator: "\n")
            for (what, bytes) in told {
                let line = try #require(lines?.first { $0.contains(what) }, "no line says \"\(what)\"")
                let words = line.split(separator: " ")
                let units = ["B": 1.0, "KiB": 1024.0, "MiB": 1_048_576.0]
                let shown = try #require(Double(words[0])) * #require(units[String(words[1])])
                // As far as its digits go.
                #expect(abs(shown - bytes) < 0.051 * (words[1] == "KiB" ? 1024 : 10_486), "\(line), not \(bytes)")
            }
            // What each stage said of itself.
            for cloud in DemoRun.clouds {
                let log = String(decoding: try demo.bytes("state/logs/\(cloud)-encrypt.jsonl"), as: UTF8.self)
                let stage = StageName(cloud: try CloudName(cloud), kind: .encrypt)
                let events = log.split(separator: "\n").map { StageEvent(stage, line: String($0)) }
                for round in report.rounds {
                    func sum(_ event: String, _ field: String) -> Int {
                        events.filter { $0.name == event && $0.round == round.round }.compactMap {
                            $0.fields[field].flatMap { Int($0) }
                        }.reduce(0, +)
                    }
                    let part = try #require(round.clouds.first { $0.cloud == cloud })
                    #expect(part.wireBytes == sum("contribution_receipted", "wire_bytes"))
                    #expect(part.shareBytes == sum("share_receipted", "wire_bytes"))
                    #expect(part.evidenceBytes == sum("share_made", "evidence_bytes"))
                }
            }
            // And the page shows both.
            let page = String(decoding: try demo.bytes("report.html"), as: UTF8.self)
            let plain = Double(parts.reduce(0) { $0 + $1.fp32Bytes })
            for bytes in [parts.reduce(0) { $0 + $1.sentBytes }, parts.reduce(0) { $0 + $1.allBytes }] {
                let ratio = String(format: "%.2f ×", Double(bytes) / plain)
                #expect(page.contains(ratio), "\(ratio)")
            }
        }

        @Test("The lines that it tells to type next do what they say")
        func commands() async throws {
            let demo = try await DemoRun.shared()
            let commands = try demo.report().commands
            #expect(commands.count == 4)
            for command in commands {
                #expect(demo.printed.contains("  \(command.line)\n"))
                guard !command.line.hasPrefix("python3") else { continue }
                let (status, text) = try PythonLine.run(command.line)
                #expect(status == 0, "\(command.line)\n\(text)")
            }
            #expect(try demo.report().adapter.map { FileManager.default.fileExists(atPath: $0) } == true)
        }

        @Test(
            "The line that it tells to load the adapter with PEFT loads it",
            .enabled(if: PythonLine.python != nil, "set TRIBUTARY_PYTHON to a python with transformers and peft"))
        func loads() async throws {
            let demo = try await DemoRun.shared()
            let command = try #require(try demo.report().commands.first { $0.line.hasPrefix("python3") })
            let (status, text) = try PythonLine.run(command.line)
            #expect(status == 0 && text.contains("PeftModel") && text.contains("lora_B"), "\(command.line)\n\(text)")
            // It is the adapter that it loads: without its weights the line fails.
            let adapter = try #require(try demo.report().adapter)
            let elsewhere = "\(demo.folder)-without"
            try FileManager.default.copyItem(atPath: adapter, toPath: elsewhere)
            try FileManager.default.removeItem(atPath: "\(elsewhere)/adapter_model.safetensors")
            #expect(try PythonLine.run(command.line.replacing(adapter, with: elsewhere)).0 != 0)
        }
    }
}

/// A line that a user pastes into a shell, standing in the checkout.
enum PythonLine {
    /// A python with transformers and peft, where the environment names one: what `python3` is then.
    static let python = ProcessInfo.processInfo.environment["TRIBUTARY_PYTHON"]

    static func run(_ line: String) throws -> (Int32, String) {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = ["-c", line]
        process.currentDirectoryURL = URL(fileURLWithPath: FederationRun.repository)
        process.environment = ProcessInfo.processInfo.environment.merging(["PATH": path]) { $1 }
        let pipe = Pipe()
        (process.standardOutput, process.standardError) = (pipe, pipe)
        try process.run()
        let output = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: output, as: UTF8.self))
    }

    /// The reference's python first.
    static let path: String = {
        let usual = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
        guard let python else { return usual }
        return "\(URL(fileURLWithPath: python).deletingLastPathComponent().path):\(usual)"
    }()
}
