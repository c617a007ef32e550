import Adapter
import Federation
import FineTuning
import Testing
import Tokenization

@Suite("Training under noise") struct PrivateTrainingTests {
    private func tuner(_ folder: TemporaryFolder) throws -> FineTuner {
        try TinyLlama().write(to: folder.path)
        return try FineTuner(base: BaseModel(directory: folder.path), adapter: adapterConfiguration())
    }

    private func settings(steps: Int, rate: Double = 1) throws -> TrainingSettings {
        try TrainingSettings(
            steps: steps, batchSize: 1, learningRate: .constant(rate),
            optimizer: OptimizerSettings(rule: .sgd, weightDecay: 0, clipNorm: nil), seed: 1)
    }

    @Test("A step's noise has the deviation that was asked for, beside the same step without")
    func deviation() throws {
        let folder = try TemporaryFolder()
        let tuner = try tuner(folder)
        let shard = try randomShard(examples: 8)
        let units = (0..<8).map { [$0] }
        let start = try tuner.values()
        var words = Draws(5)
        _ = try tuner.train(
            shard, settings(steps: 1), privately: PrivateSettings(units: units, clip: 0.5, noise: 0, rate: 1),
            words: &words)
        let exact = try tuner.values()
        try tuner.load(values: start)
        _ = try tuner.train(
            shard, settings(steps: 1), privately: PrivateSettings(units: units, clip: 0.5, noise: 3, rate: 1),
            words: &words)
        // By plain descent at rate 1 a value moves by its sum over 8 units.
        let noise = zip(try tuner.values(), exact).map { 8 * (Double($0) - Double($1)) }
        let n = Double(noise.count)
        let mean = noise.reduce(0, +) / n
        let deviation = (noise.reduce(0) { $0 + $1 * $1 } / n).squareRoot()
        #expect(abs(mean) < 5 * 1.5 / n.squareRoot())
        #expect(abs(deviation / 1.5 - 1) < 5 / (2 * n).squareRoot())
        // Without noise the two are the same.
        try tuner.load(values: start)
        _ = try tuner.train(
            shard, settings(steps: 1), privately: PrivateSettings(units: units, clip: 0.5, noise: 0, rate: 1),
            words: &words)
        #expect(try tuner.values() == exact)
    }

    @Test("A unit moves the sum by the clip at most, however many records it has and however large they are")
    func sensitivity() throws {
        let folder = try TemporaryFolder()
        let tuner = try tuner(folder)
        let shard = try randomShard(examples: 6)
        for clip in [1e-3, 0.05, 10] {
            let all = try tuner.clippedSum([[0], [1, 2], [3], [4, 5]], of: shard, clip: clip)
            let without = try tuner.clippedSum([[0], [3], [4, 5]], of: shard, clip: clip)
            let moved = zip(all, without).reduce(0.0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }.squareRoot()
            #expect(moved <= clip && moved > 0)
        }
        // A sum of gradients that nobody clips is longer than that.
        let free = try tuner.clippedSum([[1, 2]], of: shard, clip: 100).reduce(0.0) { $0 + $1 * $1 }.squareRoot()
        #expect(free > 1e-3)
    }

    // Gradients of every weight agree with transformers' (ReferenceTests), so what is left to see is that each unit has its own.
    @Test("Of every weight too a step's sum is of each unit's own gradient, clipped")
    func everyWeight() throws {
        let folder = try TemporaryFolder()
        try TinyLlama().tied().write(to: folder.path)
        let tuner = try FineTuner(
            base: BaseModel(directory: folder.path), adapter: adapterConfiguration(.full))
        let shard = try randomShard(examples: 6)
        let units = [[0], [1, 2], [3, 4, 5]]
        let gradients = try units.map { try tuner.gradient(on: $0, of: shard).values.map(Double.init) }
        let norms = gradients.map { $0.reduce(0) { $0 + $1 * $1 }.squareRoot() }
        let clip = norms.sorted()[1]
        var expected = [Double](repeating: 0, count: tuner.count)
        for (gradient, norm) in zip(gradients, norms) {
            for index in expected.indices { expected[index] += min(1, clip / norm) * gradient[index] }
        }
        let sum = try tuner.clippedSum(units, of: shard, clip: clip)
        #expect(norms.contains { $0 > clip } && norms.contains { $0 < clip })
        #expect(relativeError(sum.map { Float($0) }[...], expected.map { Float($0) }) < 1e-5)
    }

    @Test("Each unit takes part with the rate's probability, on its own")
    func sampling() throws {
        let folder = try TemporaryFolder()
        let tuner = try tuner(folder)
        let shard = try randomShard(examples: 20)
        var words = Draws(9)
        let steps = 60
        let report = try tuner.train(
            shard, settings(steps: steps, rate: 1e-6),
            privately: PrivateSettings(units: (0..<20).map { [$0] }, clip: 1, noise: 1, rate: 0.25), words: &words)
        let whole = (0..<20).reduce(0) { $0 + shard.length(of: $1) }
        let part = Double(report.tokens) / Double(whole * steps)
        #expect(abs(part - 0.25) < 5 * (0.25 * 0.75 / Double(20 * steps)).squareRoot() * 1.5)
        #expect(report.losses.count == steps && report.losses.allSatisfy(\.isFinite))
    }

    @Test("Patients need shards that know them")
    func patients() throws {
        let shard = try randomShard(examples: 4)
        let plan = PrivacyPlan.Steps(unit: .patient, clip: 1, noise: 1, rate: 0.5)
        #expect(throws: FineTuningError.self) { try PrivateSettings(plan, shard) }
        let known = try patientShard(shard, patients: [1, 0, 1, 0])
        #expect(try PrivateSettings(plan, known).units == [[1, 3], [0, 2]])
        // Two patients, bucketed, at a half.
        #expect(try PrivateSettings(plan, known).expected == 1)
        #expect(throws: TokenizationError.self) { try patientShard(shard, patients: [0, 1, 2]) }
        #expect(throws: TokenizationError.self) { try patientShard(shard, patients: [0, 1, 2, 4]) }
        #expect(try TokenShard(bytes: known.encoded()) == known)
    }
}
