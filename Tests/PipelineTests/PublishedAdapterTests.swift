import Adapter
import Federation
import FineTuning
import Foundation
import Safetensors
import StageKit
import Testing
import Tokenization

extension PipelineSuite {
    /// What a federation has published, in the hands of somebody who has PEFT and the base model and nothing of ours.
    @Suite(
        "The published folder and PEFT",
        .enabled(
            if: PythonLine.python != nil,
            "set TRIBUTARY_PYTHON to a python with torch, transformers, peft and safetensors")
    )
    struct PublishedAdapterTests {
        /// Reference/published_logits.py over a folder: logits of each prompt with the adapter and without.
        private func theirs(_ adapter: String, _ prompts: [[Int32]], in folder: String) throws -> SafetensorsFile {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            try JSONEncoder().encode(prompts).write(to: URL(fileURLWithPath: "\(folder)/prompts.json"))
            let script = "\(FederationRun.repository)/Tests/PipelineTests/Reference/published_logits.py"
            let (status, text) = try PythonLine.run(
                "python3 '\(script)' '\(FederationRun.baseModel)' '\(adapter)' '\(folder)'")
            guard status == 0 else { throw FederationRun.Failure(description: text) }
            return try SafetensorsFile(path: "\(folder)/logits.safetensors")
        }

        private func furthest(_ left: [Float], _ right: [Float]) -> Float {
            left.count == right.count ? zip(left, right).map { abs($0 - $1) }.max() ?? .infinity : .infinity
        }

        @Test(
            "PEFT loads it unchanged, and every logit of whole records is ours to 1e-4, which the adapter has moved further"
        )
        func logits() async throws {
            let watched = try await SharedRuns.paillier()
            let run = watched.run
            let latest = "\(run.releases)/latest"
            let before = try Self.contents(of: latest)
            let journal = try run.journal(of: run.stage(.localTrain, "north"))
            let shard = try #require(
                journal.read { try $0.held(.shard) }.map { try TokenShard(bytes: $0.payload.read()) }
                    .first { $0.split == .test })
            try journal.close()
            // Records that it was not trained on, of different lengths, and one that is no record.
            let prompts =
                (0..<min(6, shard.count)).map { Array(shard.tokens[shard.range(of: $0)]) } + [[5, 4, 3, 2, 1]]
            #expect(prompts.count > 4)
            let file = try theirs(latest, prompts, in: "\(run.root)/peft")
            let base = try BaseModel(directory: FederationRun.baseModel)
            let bare = try LlamaModel(base)
            let adapter = try PEFTFolder.read(latest, base: base.shape)
            let tuner = try FineTuner(base: base, adapter: adapter.configuration)
            try tuner.load(values: adapter.trained)
            var moved: Float = 0
            for (index, prompt) in prompts.enumerated() {
                let (plain, ours) = (try bare.logits(after: prompt), try tuner.logits(after: prompt))
                #expect(ours.count == prompt.count && ours.allSatisfy { $0.count == base.shape.vocabulary })
                #expect(furthest(plain.flatMap { $0 }, try file.floats("base.\(index)")) < 1e-4)
                #expect(furthest(ours.flatMap { $0 }, try file.floats("adapter.\(index)")) < 1e-4)
                moved = max(moved, furthest(plain.flatMap { $0 }, ours.flatMap { $0 }))
            }
            // Eight steps: a small adapter, and still far from nothing.
            #expect(moved > 1e-2, "the adapter moves no logit by more than \(moved)")
            // Loading it has changed nothing in it.
            #expect(try Self.contents(of: latest) == before)
        }

        private static func contents(of folder: String) throws -> [String: Data] {
            let names = try FileManager.default.contentsOfDirectory(atPath: folder)
            return try Dictionary(
                uniqueKeysWithValues: names.map { ($0, try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\($0)"))) })
        }
    }
}
