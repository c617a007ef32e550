package import Federation
import JSONText

extension ReleaseManifest {
    /// How the update that made the adapter came about: the clouds' own steps, and publish's step with their sum.
    package struct Method: Equatable, Sendable {
        package let localSteps: Int
        package let batchSize: Int
        package let localOptimizer: LocalOptimizer
        /// Of this round: a schedule may have lowered it.
        package let learningRate: Double
        package let weightDecay: Double
        package let gradientClip: Double
        package let proximal: Double
        package let outer: OuterOptimizer

        package init(_ plan: TrainingPlan) {
            localSteps = plan.steps
            batchSize = plan.batchSize
            localOptimizer = plan.optimizer
            learningRate = plan.learningRate
            weightDecay = plan.weightDecay
            gradientClip = plan.gradientClip
            proximal = plan.proximal
            outer = plan.outer
        }

        /// The clouds' part in words, for people.
        package var summary: String {
            let near = proximal > 0 ? ", held near the round's start (FedProx, mu \(Figure.short(proximal)))" : ""
            return
                "\(localSteps) \(localOptimizer == .adamW ? "AdamW" : "gradient") step\(localSteps == 1 ? "" : "s") of \(batchSize) records at rate \(Figure.significant(learningRate))\(near)"
        }
    }
}

extension ReleaseManifest.Method {
    var json: JSON {
        .object([
            "local_steps": .integer(localSteps), "batch_size": .integer(batchSize),
            "local_optimizer": .string(localOptimizer.rawValue), "learning_rate": .number(learningRate),
            "weight_decay": .number(weightDecay), "gradient_clip": .number(gradientClip), "proximal": .number(proximal),
            "outer": outer.json,
        ])
    }

    init(_ field: JSONField) throws(JSONError) {
        try field.allow(only: [
            "local_steps", "batch_size", "local_optimizer", "learning_rate", "weight_decay", "gradient_clip",
            "proximal",
            "outer",
        ])
        localSteps = try field.member("local_steps").integer(in: 0...1_000_000)
        batchSize = try field.member("batch_size").integer(in: 1...65_536)
        let rule = try field.member("local_optimizer")
        guard let optimizer = LocalOptimizer(rawValue: try rule.string()) else {
            throw rule.refused("\"\(try rule.string())\" is no local optimizer")
        }
        localOptimizer = optimizer
        learningRate = try field.member("learning_rate").number(in: 0...1e3)
        weightDecay = try field.member("weight_decay").number(in: 0...1e3)
        gradientClip = try field.member("gradient_clip").number(in: 0...1e9)
        proximal = try field.member("proximal").number(in: 0...1e6)
        outer = try OuterOptimizer(field.member("outer"))
    }
}

extension OuterOptimizer {
    fileprivate var json: JSON {
        var members: [String: JSON] = ["optimizer": .string(name.rawValue), "rate": .number(rate)]
        switch self {
        case .average: break
        case .nesterov(_, let momentum): members["momentum"] = .number(momentum)
        case .adam(_, let momentum, let second, let epsilon):
            members["momentum"] = .number(momentum)
            members["second_momentum"] = .number(second)
            members["epsilon"] = .number(epsilon)
        }
        return .object(members)
    }

    fileprivate init(_ field: JSONField) throws(JSONError) {
        let chosen = try field.member("optimizer")
        guard let name = Name(rawValue: try chosen.string()) else {
            throw chosen.refused("\"\(try chosen.string())\" is no outer optimizer")
        }
        let rate = try field.member("rate").number(in: Self.rates)
        func momentum(_ key: String) throws(JSONError) -> Double { try field.member(key).number(in: Self.momenta) }
        switch name {
        case .average:
            try field.allow(only: ["optimizer", "rate"])
            self = .average(rate: rate)
        case .nesterov:
            try field.allow(only: ["optimizer", "rate", "momentum"])
            self = .nesterov(rate: rate, momentum: try momentum("momentum"))
        case .adam:
            try field.allow(only: ["optimizer", "rate", "momentum", "second_momentum", "epsilon"])
            self = .adam(
                rate: rate, momentum: try momentum("momentum"), secondMomentum: try momentum("second_momentum"),
                epsilon: try field.member("epsilon").number(in: Self.epsilons))
        }
    }
}
