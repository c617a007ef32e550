internal import Glibc
import Privacy
package import Tokenization
import Torch

extension FineTuner {
    /// As `train`, under DP-SGD: a step's units are a Poisson sample, each unit's gradient is clipped by itself, and their sum has
    /// discrete Gaussian noise. Neither sample nor noise can be made again.
    ///
    /// - Parameter words: of the system's secret generator but in tests.
    package func train(
        _ shard: TokenShard, _ settings: TrainingSettings, privately: PrivateSettings,
        words: inout some RandomNumberGenerator, progress: (TrainingProgress) throws -> Void = { _ in }
    ) throws -> TrainingReport {
        try prepare(for: shard)
        return try loop.run(shard, settings, privately, &words, progress: progress)
    }

    /// A step's sum of clipped gradients, one for each of the units, without noise: what the steps above add noise to.
    package func clippedSum(_ units: [[Int]], of shard: TokenShard, clip: Double) throws -> [Double] {
        try prepare(for: shard)
        var sum = ClippedSum(count: count, clip: clip, noise: 0)
        for unit in units {
            _ = try loop.accumulate(unit, of: shard)
            sum.add(try parameters.gradient.floats())
        }
        return sum.values
    }
}

/// A sum of vectors of length `clip` at most, in whole multiples of a step so fine that the noise's deviation is 2^24 of them: then noise
/// is a whole number too, drawn exactly, and no floating-point gap gives it away.
private struct ClippedSum {
    private static let sampler = DiscreteGaussian(variance: 1 << 48)

    private let clip: Double
    private let step: Double
    private let isNoised: Bool
    private var whole: [Int64]

    /// - Parameter noise: its deviation, in clips; 0 for none.
    init(count: Int, clip: Double, noise: Double) {
        self.clip = clip
        isNoised = noise > 0
        step = clip * (noise > 0 ? noise : 1) / Double(1 << 24)
        whole = [Int64](repeating: 0, count: count)
    }

    var values: [Double] { whole.map { Double($0) * step } }

    /// Truncated towards zero, so that no vector gets longer. One that is not finite counts as 0: to stop would tell of it.
    mutating func add(_ gradient: [Float]) {
        let norm = gradient.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
        guard norm.isFinite else { return }
        // A hair below, for what rounding adds to the product.
        let factor = min(1, clip / norm) * (1 - 1e-12) / step
        for index in gradient.indices { whole[index] += Int64(Double(gradient[index]) * factor) }
    }

    mutating func addNoise(_ words: inout some RandomNumberGenerator) {
        guard isNoised else { return }
        for index in whole.indices { whole[index] += Self.sampler.draw(&words) }
    }

    mutating func wipe() { for index in whole.indices { whole[index] = 0 } }
}

extension TrainingLoop {
    fileprivate func run(
        _ shard: TokenShard, _ settings: TrainingSettings, _ privately: PrivateSettings,
        _ words: inout some RandomNumberGenerator, progress: (TrainingProgress) throws -> Void
    ) throws -> TrainingReport {
        var optimizer = try LocalSteps(settings.optimizer, model.library, parameters)
        // Sampled by whole numbers: never more often than the rate.
        let threshold = privately.rate < 1 ? UInt64(privately.rate * 0x1p64) : UInt64.max
        var losses: [Double] = []
        var norms: [Double] = []
        var tokens = 0
        let begin = ContinuousClock.now
        for step in 0..<settings.steps {
            var sum = ClippedSum(count: parameters.count, clip: privately.clip, noise: privately.noise)
            defer { sum.wipe() }
            var (loss, taken) = (0.0, 0)
            for unit in privately.units where privately.rate == 1 || words.next() < threshold {
                let own = try accumulate(unit, of: shard)
                if own.isFinite { (loss, taken) = (loss + own, taken + 1) }
                sum.add(try parameters.gradient.floats())
                tokens += unit.reduce(0) { $0 + shard.length(of: $1) }
            }
            sum.addNoise(&words)
            let mean = sum.values.map { Float($0 / privately.expected) }
            try parameters.gradient.copy(from: Tensor(model.library, mean, shape: [parameters.count]))
            let rate = settings.learningRate.value(at: step, of: settings.steps)
            let norm = try optimizer.step(parameters, learningRate: rate)
            guard norm.isFinite else { throw FineTuningError.diverged(step: step + 1, "the gradient is not finite") }
            losses.append(taken > 0 ? loss / Double(taken) : losses.last ?? 0)
            norms.append(norm)
            try progress(
                TrainingProgress(
                    step: step + 1, steps: settings.steps, loss: losses[step], tokens: tokens,
                    elapsed: ContinuousClock.now - begin))
        }
        return TrainingReport(
            losses: losses, gradientNorms: norms, tokens: tokens, elapsed: ContinuousClock.now - begin)
    }
}
