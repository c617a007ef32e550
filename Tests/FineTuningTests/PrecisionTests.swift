import Adapter
import Federation
import FineTuning
import Foundation
import Safetensors
import Testing
import Tokenization
import Torch

@Suite("Precision and device")
struct PrecisionTests {
    private func tuner(
        _ configuration: AdapterConfiguration, _ folder: TemporaryFolder, _ precision: Precision
    ) throws -> FineTuner {
        try FineTuner(
            base: BaseModel(directory: folder.path), adapter: configuration, training: .a,
            compute: ComputeSettings(device: .cpu, precision: precision))
    }

    @Test("Devices are read by their names, and nothing else is")
    func names() {
        #expect(Device("cpu") == .cpu)
        #expect(Device("cuda") == .cuda(0))
        #expect(Device("cuda:3") == .cuda(3))
        for text in ["", "gpu", "CPU", "cpu:0", "cuda:", "cuda:-1", "cuda:128", "cuda:03", "cuda:0:0", "cuda: 0"] {
            #expect(Device(text) == nil, "\(text)")
        }
    }

    // The engine of a test machine may have CUDA: then what is asked for is a device that is not there.
    @Test("a device that the engine lacks is refused with what to do")
    func refused() {
        do {
            try ComputeSettings(device: .cuda(127), precision: .f32).require()
            Issue.record("nobody has 128 CUDA devices")
        } catch .withoutCUDA(let version) {
            #expect(!version.isEmpty)
            #expect("\(TorchError.withoutCUDA(version: version))".contains("take `device: cpu`"))
        } catch .noDevice(let device, let found) {
            #expect(device == .cuda(127) && found < 128)
        } catch { Issue.record("\(error)") }
    }

    // Every way in which an adapter's factors meet the base model's numbers.
    @Test(
        "in bf16 gradients, steps and scores are those of f32 to a few per cent, and not to less",
        arguments: [
            AdapterConfiguration.Trains.b, .both, .alternate, .core, .full,
        ])
    func nearF32(trains: AdapterConfiguration.Trains) throws {
        let folder = try TemporaryFolder()
        try TinyLlama().write(to: folder.path)
        let configuration = try adapterConfiguration(trains)
        var draws = Draws(3)
        let base = try BaseModel(directory: folder.path)
        let start =
            trains == .full
            ? try base.values()
            : try LowRankAdapter(initial: configuration, base: base.shape).trained.map { $0 + draws.value(0.1) }
        let shard = try randomShard(examples: 24)
        func results(_ precision: Precision) throws -> (gradient: [Float], delta: [Float], scores: [Float]) {
            let tuner = try tuner(configuration, folder, precision)
            try tuner.load(values: start)
            let gradient = try tuner.gradient(on: Array(0..<shard.count), of: shard).values
            let scores = try tuner.scores(of: shard, answers: AnswerTokens(event: 96, noEvent: 95))
            _ = try tuner.train(
                shard,
                TrainingSettings(
                    steps: 5, batchSize: shard.count, learningRate: .constant(0.5),
                    optimizer: OptimizerSettings(rule: .sgd), seed: 1))
            return (gradient, try tuner.delta().values, scores)
        }
        let (half, full) = (try results(.bf16), try results(.f32))
        // bf16 rounds by up to 2^-9 of a value, a sum of many roundings by a few times that. More than 1e-4 it must be: else
        // nothing was computed in bf16.
        for (name, found, expected) in [
            ("gradient", half.gradient, full.gradient), ("delta", half.delta, full.delta),
            ("scores", half.scores, full.scores),
        ] {
            let error = relativeError(found[...], expected)
            #expect(error < 0.05 && error > 1e-4, "\(name): \(error)")
        }
    }

    @Test("what is trained stays f32: steps far below bf16's digits are kept")
    func smallSteps() throws {
        let folder = try TemporaryFolder()
        try TinyLlama().write(to: folder.path)
        let configuration = try adapterConfiguration(.both)
        let tuner = try tuner(configuration, folder, .bf16)
        let start = [Float](repeating: 1, count: tuner.count)
        try tuner.load(values: start)
        _ = try tuner.train(
            randomShard(examples: 8),
            TrainingSettings(
                steps: 1, batchSize: 8, learningRate: .constant(1e-4), optimizer: OptimizerSettings(weightDecay: 0),
                seed: 1))
        // AdamW's first step is the rate for each value whose gradient is not 0; bf16 has no number between 1 - 2^-8 and 1.
        let moved = try tuner.delta().values
        #expect(moved.contains { abs($0) > 0.9e-4 && abs($0) < 1.1e-4 })
        #expect(moved.allSatisfy { abs($0) < 1.1e-4 })
    }
}
