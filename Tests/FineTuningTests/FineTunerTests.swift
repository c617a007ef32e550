import Adapter
import Federation
import FineTuning
import Safetensors
import Sodium
import Testing
import Tokenization
import Torch

@Suite("FineTuner")
struct FineTunerTests {
    let folder: TemporaryFolder
    let base: BaseModel

    init() throws {
        folder = try TemporaryFolder()
        try TinyLlama().write(to: folder.path)
        base = try BaseModel(directory: folder.path)
    }

    private func settings(
        steps: Int = 12, batchSize: Int = 8, rate: Double = 6e-3, seed: UInt64 = 1
    ) throws -> TrainingSettings {
        try TrainingSettings(
            steps: steps, batchSize: batchSize, learningRate: .constant(rate), optimizer: OptimizerSettings(),
            seed: seed)
    }

    @Test("the same seed gives the same bytes, another seed others", arguments: [AdapterConfiguration.Trains.b, .both])
    func deterministic(trains: AdapterConfiguration.Trains) throws {
        let shard = try randomShard(examples: 50)
        func train(_ seed: UInt64) throws -> [UInt32] {
            let tuner = try FineTuner(base: base, adapter: adapterConfiguration(trains))
            _ = try tuner.train(shard, settings(seed: seed))
            return try tuner.values().map(\.bitPattern)
        }
        let first = try train(1)
        #expect(try train(1) == first)
        #expect(try train(2) != first)
    }

    @Test("an adapter at its beginning changes nothing, training lowers the loss, and the delta is what was trained")
    func learns() throws {
        let shard = try randomShard(examples: 64)
        let tuner = try FineTuner(base: base, adapter: adapterConfiguration())
        #expect(try tuner.values().allSatisfy { $0 == 0 })
        #expect(tuner.count == (try adapterConfiguration().layout(of: base.shape, range: 1)).count)
        let before = try tuner.loss(of: shard)
        var seen: [Int] = []
        let report = try tuner.train(shard, settings(steps: 60)) { seen.append($0.step) }
        #expect(seen == Array(1...60))
        #expect(report.tokens > 0)
        #expect(try tuner.loss(of: shard) < 0.5 * before)
        #expect(try tuner.delta().values == tuner.values())

        let halfway = try tuner.values()
        try tuner.load(values: halfway)
        #expect(try tuner.delta().norm == 0)
        _ = try tuner.train(shard, settings(steps: 3))
        let after = try tuner.values()
        #expect(try tuner.delta().values == zip(after, halfway).map { $0 - $1 })
    }

    @Test("scores are the logits of the whole sequence, whatever the batches")
    func scores() throws {
        let shard = try randomShard(examples: 20)
        let tuner = try FineTuner(base: base, adapter: adapterConfiguration())
        let answers = AnswerTokens(event: 96, noEvent: 95)
        let model = try LlamaModel(base)
        let expected = try (0..<shard.count).map { example in
            let tokens = Array(shard.tokens[shard.range(of: example)])
            let logits = try model.logits(after: tokens)[Int(shard.answer[example]) - 1]
            return logits[96] - logits[95]
        }
        for batchSize in [1, 3, 64] {
            let found = try tuner.scores(of: shard, answers: answers, batchSize: batchSize)
            for (left, right) in zip(found, expected) { #expect(abs(left - right) < 1e-5) }
        }
    }

    @Test("a delta is clipped to the norm and keeps its direction")
    func clipping() {
        let delta = AdapterDelta(values: [3, -4])
        #expect(delta.norm == 5)
        #expect(delta.clipped(to: 10) == delta)
        #expect(delta.clipped(to: 1).values == [0.6, -0.8])
        #expect(AdapterDelta(values: [0, 0]).clipped(to: 1).values == [0, 0])
    }

    @Test("values of another number, or not finite, are refused and leave the adapter as it was")
    func badValues() throws {
        let tuner = try FineTuner(base: base, adapter: adapterConfiguration())
        var values = [Float](repeating: 0.01, count: tuner.count)
        try tuner.load(values: values)
        #expect(throws: FineTuningError.self) { try tuner.load(values: Array(values.dropLast())) }
        values[3] = .infinity
        #expect(throws: FineTuningError.self) { try tuner.load(values: values) }
        #expect(try tuner.values() == [Float](repeating: 0.01, count: tuner.count))
    }

    @Test("a shard that does not fit the model is refused")
    func badShards() throws {
        let tuner = try FineTuner(base: base, adapter: adapterConfiguration())
        func shard(_ tokens: [Int32], tokenizer: String = noTokenizer) throws -> TokenShard {
            try TokenShard(
                examples: [tokens], answer: [1], label: [0], split: .train, tokenizer: tokenizer, cloud: "north")
        }
        _ = try tuner.train(shard([1, 2, 96]), settings(steps: 1))
        #expect(throws: FineTuningError.self) { try tuner.train(shard([1, 2, 97]), settings(steps: 1)) }
        let long = [Int32](repeating: 1, count: 64)
        _ = try tuner.train(shard(long), settings(steps: 1))
        #expect(throws: FineTuningError.self) { try tuner.train(shard(long + [1]), settings(steps: 1)) }

        try DurableFile.replace("\(folder.path)/tokenizer.json", with: Array("{}".utf8))
        let strict = try FineTuner(base: BaseModel(directory: folder.path), adapter: adapterConfiguration())
        let digest = try #require(strict.base.tokenizerDigest).description
        _ = try strict.train(shard([1, 2, 3], tokenizer: digest), settings(steps: 1))
        #expect(throws: FineTuningError.self) { try strict.train(shard([1, 2, 3]), settings(steps: 1)) }
    }

    @Test("training that goes astray ends in an error that says so")
    func diverges() throws {
        let shard = try randomShard(examples: 16)
        let tuner = try FineTuner(base: base, adapter: adapterConfiguration())
        _ = try tuner.train(shard, settings(steps: 3))
        do {
            _ = try tuner.train(shard, settings(steps: 10, rate: 1e30))
            Issue.record("it went on")
        } catch let error as FineTuningError {
            guard case .diverged = error else {
                Issue.record("\(error)")
                return
            }
        }
    }

    @Test("what progress throws ends training")
    func stops() throws {
        struct Stop: Error {}
        let tuner = try FineTuner(base: base, adapter: adapterConfiguration())
        let shard = try randomShard(examples: 16)
        #expect(throws: Stop.self) {
            try tuner.train(shard, settings()) { if $0.step == 2 { throw Stop() } }
        }
    }

    @Test("settings out of bounds are refused")
    func settingsOutOfBounds() throws {
        _ = try settings()
        #expect(throws: FineTuningError.self) { try settings(steps: 0) }
        #expect(throws: FineTuningError.self) { try settings(batchSize: 0) }
        #expect(throws: FineTuningError.self) { try settings(rate: .nan) }
        #expect(throws: FineTuningError.self) { try OptimizerSettings(beta1: 1) }
        #expect(throws: FineTuningError.self) { try OptimizerSettings(clipNorm: 0) }
    }

    @Test("an operator that libtorch refuses throws its name and reason")
    func operatorFails() throws {
        let library = try TorchLibrary.shared()
        let three = try Tensor(library, [1, 2, 3], shape: [1, 3])
        #expect(try three.linear(Tensor(library, [1, 1, 1], shape: [1, 3])).floats() == [6])
        do {
            _ = try three.linear(Tensor(library, [1, 1], shape: [1, 2]))
            Issue.record("it was accepted")
        } catch {
            #expect(error.description.contains("linear"))
        }
        #expect(throws: TorchError.self) { try Tensor(library, [1, 2, 3], shape: [2, 2]) }
    }
}
