import Adapter
import Federation
import Foundation
import Publication
import Sodium
import Testing

enum Fixtures {
    static func key(_ byte: UInt8 = 1) throws -> SigningKey {
        var seed = [UInt8](repeating: byte, count: SigningKey.seedByteCount)
        return try SigningKey(seed: SecretBytes(wiping: &seed))
    }

    static func adapter(_ step: Float = 0.01) throws -> LowRankAdapter {
        let config = """
            {"model_type": "llama", "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 1,
             "num_attention_heads": 2, "vocab_size": 32}
            """
        let base = try BaseModelShape(configJSON: Array(config.utf8))
        let configuration = try AdapterConfiguration(
            rank: 2, alpha: 4, targets: [.q, .v], seed: 7, baseModelName: "example/tiny-llama")
        var adapter = try LowRankAdapter(initial: configuration, base: base)
        try adapter.replaceTrained(adapter.trained.indices.map { Float($0) * step })
        return adapter
    }

    static func rounds(after first: UInt32 = 0, through last: UInt32) throws -> [ReleaseManifest.Round] {
        try (first + 1...last).map { round in
            ReleaseManifest.Round(
                round: RoundNumber(round), purpose: round == 1 ? .statistics : .update,
                key: round == 2 ? nil : String(repeating: "0\(round % 10)", count: 16),
                cohort: try ["west", "north", "east"].map { cloud in
                    ReleaseManifest.Participant(
                        cloud: try CloudName(cloud), owner: "Hospital | \(cloud)", weight: 1.5,
                        contribution: Digest(of: Array("\(round)/\(cloud)".utf8)))
                })
        }
    }

    static let training = TrainingPlan(
        steps: 12, batchSize: 32, learningRate: 0.006, weightDecay: 0.01, gradientClip: 1, proximal: 0.25, seed: 1,
        outer: .adam(rate: 0.01, momentum: 0.9, secondMomentum: 0.99, epsilon: 0.001))

    static func draft(
        round: UInt32, after previous: UInt32 = 0, run: String = "demo", step: Float = 0.01,
        createdAt: Int = 1_700_000_000,
        rounds: [ReleaseManifest.Round]? = nil, attachments: [String: [UInt8]] = [:]
    ) throws -> ReleaseDraft {
        ReleaseDraft(
            run: try RunName(run), round: RoundNumber(round), model: .adapter(try adapter(step)), createdAt: createdAt,
            baseModelSHA256: SHA256.hex(of: Array("base".utf8)),
            tokenizerSHA256: SHA256.hex(of: Array("tokenizer".utf8)),
            rounds: try rounds ?? Self.rounds(after: previous, through: round),
            follows: previous > 0 ? RoundNumber(previous) : nil,
            privacy: ReleaseManifest.Privacy(
                suite: "paillier", profile: "conservative",
                assumption: "Composite residuosity is hard for n of 3072 bits.",
                keyMode: "publisher", whoCouldOpen: "Publish and aggregate together could open one cloud's update.",
                bits: 16, clipNorm: 0.5, minimumCohort: 3, damgardJurik: 2),
            method: ReleaseManifest.Method(
                training, adapter: .core,
                compression: .init(scales: .released, margin: 2, feedback: 0.5, fraction: 0.1, sent: 7, values: 70)),
            metrics: ["auroc": 0.81, "log_loss": 0.42], attachments: attachments)
    }

    /// A directory of its own for `body`, removed after it.
    static func withDirectory<Result>(_ body: (String) throws -> Result) throws -> Result {
        let path = "/tmp/tributary-publication-\(UInt64.random(in: 0 ... .max))"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        defer { #expect(throws: Never.self) { try FileManager.default.removeItem(atPath: path) } }
        return try body(path)
    }

    static func read(_ path: String) throws -> [UInt8] { Array(try Data(contentsOf: URL(fileURLWithPath: path))) }
    static func write(_ bytes: [UInt8], _ path: String) throws { try Data(bytes).write(to: URL(fileURLWithPath: path)) }

    /// Runs a program and returns its exit status and everything it printed.
    static func run(_ program: String, _ arguments: [String], in directory: String) throws -> (
        status: Int32, output: String
    ) {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        process.currentDirectoryURL = URL(fileURLWithPath: directory)
        let output = Pipe()
        process.standardOutput = output
        process.standardError = output
        try process.run()
        let text = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: text, as: UTF8.self))
    }
}
