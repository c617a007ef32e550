package import Federation
import Glibc

/// How a call's steps go, besides the learning rate.
package struct OptimizerSettings: Hashable, Sendable {
    package let rule: LocalOptimizer
    package let beta1: Double
    package let beta2: Double
    package let epsilon: Double
    package let weightDecay: Double
    /// Gradients longer than this are shortened to it; nil leaves them as they are.
    package let clipNorm: Double?
    /// FedProx's mu; 0 for none.
    package let proximal: Double

    package init(
        rule: LocalOptimizer = .adamW, beta1: Double = 0.9, beta2: Double = 0.99, epsilon: Double = 1e-8,
        weightDecay: Double = 0.01,
        clipNorm: Double? = 1, proximal: Double = 0
    ) throws(FineTuningError) {
        guard beta1 >= 0, beta1 < 1, beta2 >= 0, beta2 < 1 else {
            throw .setting("expected betas of at least 0 and below 1, found \(beta1) and \(beta2)")
        }
        guard epsilon > 0, epsilon.isFinite else { throw .setting("expected a positive epsilon, found \(epsilon)") }
        guard weightDecay >= 0, weightDecay.isFinite else {
            throw .setting("expected a weight decay of at least 0, found \(weightDecay)")
        }
        if let clipNorm, !(clipNorm > 0 && clipNorm.isFinite) {
            throw .setting("expected a positive clip norm for gradients, found \(clipNorm)")
        }
        guard proximal >= 0, proximal.isFinite else {
            throw .setting("expected a proximal term of at least 0, found \(proximal)")
        }
        self.rule = rule
        self.proximal = proximal
        self.beta1 = beta1
        self.beta2 = beta2
        self.epsilon = epsilon
        self.weightDecay = weightDecay
        self.clipNorm = clipNorm
    }
}

/// The learning rate over one call's steps.
package enum LearningRate: Hashable, Sendable {
    case constant(Double)
    /// Linear from 0 over `warmup` steps, then half a cosine down to `floor` times the peak.
    case cosine(peak: Double, warmup: Int, floor: Double)

    func value(at step: Int, of steps: Int) -> Double {
        switch self {
        case .constant(let value): return value
        case .cosine(let peak, let warmup, let floor):
            if step < warmup { return peak * Double(step + 1) / Double(warmup) }
            let done = Double(step - warmup) / Double(max(1, steps - warmup))
            return peak * (floor + (1 - floor) * 0.5 * (1 + cos(Double.pi * done)))
        }
    }

    var peak: Double {
        switch self {
        case .constant(let value): value
        case .cosine(let peak, _, _): peak
        }
    }
}

/// How one call of training goes: so many steps of so many examples, in an order that the seed decides.
package struct TrainingSettings: Hashable, Sendable {
    package let steps: Int
    package let batchSize: Int
    package let learningRate: LearningRate
    package let optimizer: OptimizerSettings
    package let seed: UInt64

    package init(
        steps: Int, batchSize: Int, learningRate: LearningRate, optimizer: OptimizerSettings, seed: UInt64
    ) throws(FineTuningError) {
        guard (1...10_000_000).contains(steps) else { throw .setting("expected 1 to 10000000 steps, found \(steps)") }
        guard (1...65_536).contains(batchSize) else {
            throw .setting("expected batches of 1 to 65536, found \(batchSize)")
        }
        guard learningRate.peak > 0, learningRate.peak.isFinite else {
            throw .setting("expected a positive learning rate, found \(learningRate.peak)")
        }
        self.steps = steps
        self.batchSize = batchSize
        self.learningRate = learningRate
        self.optimizer = optimizer
        self.seed = seed
    }
}

extension TrainingSettings {
    /// What a round's plan asks of a cloud; every round draws its records anew.
    ///
    /// - Parameters:
    ///   - steps: the cloud's own number, where it is not the plan's.
    ///   - batch: records of a step, where one of several workers takes its part of the plan's.
    package init(
        _ plan: TrainingPlan, steps: Int? = nil, batch: Int? = nil, round: RoundNumber
    ) throws(FineTuningError) {
        try self.init(
            steps: steps ?? plan.steps, batchSize: batch ?? plan.batchSize, learningRate: .constant(plan.learningRate),
            optimizer: OptimizerSettings(
                rule: plan.optimizer, weightDecay: plan.weightDecay,
                clipNorm: plan.gradientClip > 0 ? plan.gradientClip : nil, proximal: plan.proximal),
            seed: plan.seed &+ UInt64(round.value))
    }
}

/// Where training stands after a step.
package struct TrainingProgress: Sendable {
    /// Counted from 1.
    package let step: Int
    package let steps: Int
    /// The mean loss of this step's batch, in nats.
    package let loss: Double
    /// Tokens read so far, padding not counted.
    package let tokens: Int
    package let elapsed: Duration

    package var tokensPerSecond: Double { Double(tokens) / max(elapsed / .seconds(1), 1e-9) }
    package var timeLeft: Duration { elapsed * (Double(steps - step) / Double(step)) }
}

/// What a call of training did.
package struct TrainingReport: Sendable {
    /// The mean loss of each step's batch, in nats.
    package let losses: [Double]
    /// The norm of each step's gradient, before clipping.
    package let gradientNorms: [Double]
    /// Tokens read, padding not counted.
    package let tokens: Int
    package let elapsed: Duration

    package var tokensPerSecond: Double { Double(tokens) / max(elapsed / .seconds(1), 1e-9) }
}
