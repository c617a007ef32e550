package import Configuration
package import Federation
import Glibc

/// publish.yaml's way of making an update: the clouds' own steps, and publish's step with their sum.
package struct UpdatePlan: Sendable, Equatable {
    package enum Schedule: String, Sendable, CaseIterable {
        case constant
        /// Half a cosine over the update rounds, from the full rate towards none.
        case cosine
    }

    package let rounds: Int
    package let localSteps: Int
    package let batchSize: Int
    package let optimizer: LocalOptimizer
    package let learningRate: Double
    package let schedule: Schedule
    package let weightDecay: Double
    package let gradientClip: Double
    package let proximal: Double
    package let seed: UInt64
    package let outer: OuterOptimizer
    package let weights: Weighting

    package init(from file: Section, rounds: Int, seed: UInt64) throws {
        self.rounds = rounds
        self.seed = seed
        localSteps = file.int(
            "local-steps", in: 1...1_000_000, default: 12, about: "steps that a cloud trains in an update round")
        batchSize = file.int("batch-size", in: 1...65_536, default: 32, about: "records in a step")
        optimizer = file.choice(
            "local-optimizer", default: .adamW,
            about: "the rule of a cloud's own steps; `sgd` is plain gradient descent")
        learningRate = file.double("learning-rate", in: 0...1e3, default: 0.006, about: "the steps' rate")
        schedule = file.choice(
            "schedule", default: .cosine, about: "of the rate: the same always, or half a cosine over the update rounds"
        )
        weightDecay = file.double(
            "weight-decay", in: 0...1e3, default: 0.01, about: "decay apart from the gradient, as AdamW has it")
        gradientClip = file.double(
            "gradient-clip", in: 0...1e9, default: 1, about: "L2 norm of a step's gradient at most; 0 for no limit")
        proximal = file.double(
            "proximal", in: 0...1e6, default: 0,
            about: "FedProx's mu: each step is also drawn back to where the round began")
        outer =
            try file.optionalSection(
                "outer", about: "how the weighted mean of the deltas moves the adapter", OuterOptimizer.read)
            ?? .average(rate: 1)
        weights =
            try file.optionalSection("weights", about: "how much each cloud counts", Weighting.read)
            ?? Weighting(.fedavg)
    }

    /// The largest value that an update can be expected to have: one AdamW step moves a value by about the learning rate at most,
    /// one plain step by no more than the rate times the norm to which gradients are clipped. Nil where nothing bounds it.
    package var reach: Double? {
        let steps = learningRate * Double(localSteps)
        switch optimizer {
        case .adamW: return max(steps, 1e-6)
        case .sgd: return gradientClip > 0 ? max(steps * gradientClip, 1e-6) : nil
        }
    }

    /// What the opening of update round `index` (from 1) asks.
    ///
    /// - Parameter weighting: what this round's weights come from.
    ///   - clipsUnits: whether each unit's gradient is clipped by itself, and not their mean.
    package func training(
        _ index: Int, weighting: WeightingPlan = .records, pacing: Pacing = .even, clipsUnits: Bool = false
    ) -> TrainingPlan {
        TrainingPlan(
            steps: localSteps, batchSize: batchSize, optimizer: optimizer, learningRate: rate(index),
            weightDecay: weightDecay, gradientClip: clipsUnits ? 0 : gradientClip, proximal: proximal, seed: seed,
            outer: outer,
            weighting: weighting, pacing: pacing)
    }

    /// The rate of update round `index` (from 1).
    package func rate(_ index: Int) -> Double {
        switch schedule {
        case .constant: learningRate
        case .cosine: learningRate * 0.5 * (1 + cos(Double.pi * Double(index - 1) / Double(max(rounds, 1))))
        }
    }
}

extension OuterOptimizer {
    /// publish.yaml's `outer`. Each optimiser has its own defaults: DiLoCo's for Nesterov's momentum, FedOpt's for Adam's moments.
    package static func read(_ file: Section) throws -> OuterOptimizer {
        let name: Name = file.choice(
            "optimizer", default: .average,
            about: "the mean itself, Nesterov's momentum over rounds, or Adam over rounds")
        let rate = file.optionalDouble(
            "rate", in: rates, about: "step along the mean, above 0; without it 1, of `nesterov` 0.7, of `adam` 0.01")
        let momentum = file.optionalDouble(
            "momentum", in: momenta, about: "of `nesterov` and `adam`; without it 0.9")
        let second = file.optionalDouble(
            "second-momentum", in: momenta, about: "of `adam`; without it 0.99")
        let epsilon = file.optionalDouble("epsilon", in: epsilons, about: "of `adam`; without it 0.001")
        func refuse(_ key: String, where isGiven: Bool) {
            guard isGiven else { return }
            file.refuse(key, "`optimizer: \(name.rawValue)` has none: leave it out, or take another optimizer")
        }
        switch name {
        case .average:
            refuse("momentum", where: momentum != nil)
            refuse("second-momentum", where: second != nil)
            refuse("epsilon", where: epsilon != nil)
            return .average(rate: rate ?? 1)
        case .nesterov:
            refuse("second-momentum", where: second != nil)
            refuse("epsilon", where: epsilon != nil)
            return .nesterov(rate: rate ?? 0.7, momentum: momentum ?? 0.9)
        case .adam:
            return .adam(
                rate: rate ?? 0.01, momentum: momentum ?? 0.9, secondMomentum: second ?? 0.99, epsilon: epsilon ?? 1e-3)
        }
    }
}

extension Weighting {
    /// publish.yaml's `weights`.
    package static func read(_ file: Section) throws -> Weighting {
        let mode: Mode = file.choice(
            "mode", default: .fedavg,
            about: "by records, alike, by quality, fairly, or by the first paper's words or letter (docs/weights.md)")
        let alpha = file.optionalDouble("alpha", in: exponents, about: "the link's exponent; without it 0.5")
        let beta = file.optionalDouble(
            "beta", in: exponents, about: "the loss's exponent; without it 0 of `quality`, 1 of `qffl`")
        let cap = file.optionalDouble(
            "cap", in: caps, about: "no cloud counts more than this times its share of the records; without it 3")
        let slack =
            file.has("slack")
            ? file.duration(
                "slack", default: .seconds(10),
                about: "what a contribution may take on its way and be on time; without it 10s")
            : nil
        func refuse(_ key: String, where isGiven: Bool) {
            guard isGiven else { return }
            file.refuse(key, "`mode: \(mode.rawValue)` has none: leave it out, or take another mode")
        }
        let (usesLink, usesLoss) = (
            [.quality, .reciprocal, .literal].contains(mode), [.quality, .qffl].contains(mode)
        )
        refuse("alpha", where: alpha != nil && !usesLink)
        refuse("beta", where: beta != nil && !usesLoss)
        refuse("cap", where: cap != nil && !usesLoss)
        refuse("slack", where: slack != nil && mode != .quality)
        let milliseconds = (slack ?? .seconds(10)) / .milliseconds(1)
        return Weighting(
            mode, alpha: alpha ?? 0.5, beta: beta, cap: cap ?? 3,
            slack: min(max(milliseconds, slacks.lowerBound), slacks.upperBound))
    }
}
