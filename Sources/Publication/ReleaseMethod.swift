package import Adapter
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
        /// By which rule the clouds' weights were made.
        package let weights: Weighting.Mode
        /// By their names, those that the rule has; empty in releases from before they were said.
        package let weightsParameters: [String: Double]
        /// What is wrong with the rule; nil if nothing is.
        package let weightsWarning: String?
        package let pacing: Pacing
        /// What of the adapter was trained and summed.
        package let adapter: AdapterConfiguration.Mode
        /// Nil where every value was sent, on one range.
        package let compression: Compression?
        /// Nil where the round was synchronous.
        package let pace: Tempo?

        /// How the clouds' updates were made shorter.
        package struct Compression: Equatable, Sendable {
            package let scales: CompressionPlan.Scales
            package let margin: Double
            package let feedback: Double
            /// The part of the values that was asked for, and how many were sent.
            package let fraction: Double
            package let sent: Int
            package let values: Int
            /// The part of those sent that came by turn, and after how many updates all are sent again (0: only in the first); nil in
            /// releases from before they were said.
            package let rotation: Double?
            package let refresh: Int?

            package init(
                scales: CompressionPlan.Scales, margin: Double, feedback: Double, fraction: Double, sent: Int,
                values: Int, rotation: Double? = nil, refresh: Int? = nil
            ) {
                self.rotation = rotation
                self.refresh = refresh
                self.scales = scales
                self.margin = margin
                self.feedback = feedback
                self.fraction = fraction
                self.sent = sent
                self.values = values
            }
        }

        /// Nil for the opening of another round than an update.
        ///
        /// - Parameter refresh: of publish's `compression`, which no opening says.
        package init?(_ opening: Opening, refresh: Int? = nil) {
            guard let plan = opening.training else { return nil }
            self.init(
                plan, adapter: AdapterConfiguration.Trains(rawValue: opening.adapter.trains)?.mode ?? .freezeA,
                compression: opening.compression.map {
                    Compression(
                        scales: $0.scales, margin: $0.margin, feedback: $0.feedback, fraction: $0.fraction,
                        sent: opening.sealed.count, values: opening.layout.count, rotation: $0.rotation,
                        refresh: refresh)
                }, pace: opening.pace.map { Tempo($0) })
        }

        package init(
            _ plan: TrainingPlan, adapter: AdapterConfiguration.Mode = .freezeA, compression: Compression? = nil,
            pace: Tempo? = nil
        ) {
            self.adapter = adapter
            self.pace = pace
            self.compression = compression
            localSteps = plan.steps
            batchSize = plan.batchSize
            localOptimizer = plan.optimizer
            learningRate = plan.learningRate
            weightDecay = plan.weightDecay
            gradientClip = plan.gradientClip
            proximal = plan.proximal
            outer = plan.outer
            weights = plan.weighting.rule.mode
            weightsParameters = Dictionary(
                uniqueKeysWithValues: plan.weighting.rule.parameters.map { ($0.name, $0.value) })
            weightsWarning = plan.weighting.rule.warning
            pacing = plan.pacing
        }

        /// The clouds' part in words, for people.
        package var summary: String {
            let near = proximal > 0 ? ", held near the round's start (FedProx, mu \(Figure.short(proximal)))" : ""
            if case .balanced(let paces) = pacing {
                let counts = paces.map { "\($0.cloud) \($0.steps)" }.joined(separator: ", ")
                return
                    "as many \(localOptimizer == .adamW ? "AdamW" : "gradient") steps of \(batchSize) records at rate \(Figure.significant(learningRate)) as it had time for (\(counts)), its delta counted per step (FedNova)\(near)"
            }
            return
                "\(localSteps) \(localOptimizer == .adamW ? "AdamW" : "gradient") step\(localSteps == 1 ? "" : "s") of \(batchSize) records at rate \(Figure.significant(learningRate))\(near)"
        }
    }
}

extension ReleaseManifest.Method {
    var json: JSON {
        var more: [String: JSON] = [:]
        if let pace { more["pace"] = pace.json }
        if !weightsParameters.isEmpty { more["weights_parameters"] = .object(weightsParameters.mapValues(JSON.number)) }
        if let weightsWarning { more["weights_warning"] = .string(weightsWarning) }
        return .object(
            [
                "local_steps": .integer(localSteps), "batch_size": .integer(batchSize),
                "local_optimizer": .string(localOptimizer.rawValue), "learning_rate": .number(learningRate),
                "weight_decay": .number(weightDecay), "gradient_clip": .number(gradientClip),
                "proximal": .number(proximal),
                "outer": outer.json, "weights": .string(weights.rawValue), "pacing": .string(pacing.mode.rawValue),
                "local_steps_by_cloud": .object(
                    Dictionary(uniqueKeysWithValues: pacing.paces.map { ($0.cloud.description, .integer($0.steps)) })),
                "adapter": .string(adapter.rawValue), "compression": compression?.json ?? .null,
            ].merging(more) { $1 })
    }

    init(_ field: JSONField) throws(JSONError) {
        try field.allow(only: [
            "local_steps", "batch_size", "local_optimizer", "learning_rate", "weight_decay", "gradient_clip",
            "proximal",
            "outer", "weights", "weights_parameters", "weights_warning", "pacing", "local_steps_by_cloud", "adapter",
            "compression", "pace",
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
        let mode = try field.member("weights")
        guard let weights = Weighting.Mode(rawValue: try mode.string()) else {
            throw mode.refused("\"\(try mode.string())\" is no rule of weights")
        }
        self.weights = weights
        var parameters: [String: Double] = [:]
        if let given = try field.optional("weights_parameters") {
            let known = Weighting(weights).parameters.map(\.name)
            guard !known.isEmpty else { throw given.refused("`\(weights.rawValue)` has none") }
            try given.allow(only: Set(known))
            for name in known { parameters[name] = try given.member(name).number(in: 0...1e6) }
        }
        weightsParameters = parameters
        weightsWarning = try field.optional("weights_warning")?.string()
        let named = try field.member("pacing")
        guard let pace = Pacing.Mode(rawValue: try named.string()) else {
            throw named.refused("\"\(try named.string())\" is no pacing")
        }
        let table = try field.member("local_steps_by_cloud")
        var paces: [Pacing.Pace] = []
        for name in try table.members().keys.sorted() {
            let entry = try table.member(name)
            do {
                paces.append(
                    .init(cloud: try CloudName(name), steps: try entry.integer(in: Pacing.steps)))
            } catch let error as JSONError { throw error } catch { throw entry.refused("\(error)") }
        }
        guard paces.isEmpty == (pace == .even) else {
            throw table.refused("expected each cloud's steps under `balanced`, and none under `even`")
        }
        pacing = pace == .even ? .even : .balanced(paces)
        let part = try field.member("adapter")
        guard let adapter = AdapterConfiguration.Mode(rawValue: try part.string()) else {
            throw part.refused("\"\(try part.string())\" is no mode of an adapter")
        }
        self.adapter = adapter
        if let given = try field.optional("compression") {
            compression = try Compression(given)
        } else {
            compression = nil
        }
        if let given = try field.optional("pace") { self.pace = try Tempo(given) } else { self.pace = nil }
    }
}

extension ReleaseManifest.Method.Compression {
    fileprivate var json: JSON {
        var members: [String: JSON] = [
            "scales": .string(scales.rawValue), "margin": .number(margin), "error_feedback": .number(feedback),
            "fraction": .number(fraction), "sent": .integer(sent), "values": .integer(values),
        ]
        if let rotation { members["rotation"] = .number(rotation) }
        if let refresh { members["refresh"] = .integer(refresh) }
        return .object(members)
    }

    fileprivate init(_ field: JSONField) throws(JSONError) {
        try field.allow(only: [
            "scales", "margin", "error_feedback", "fraction", "sent", "values", "rotation", "refresh",
        ])
        let chosen = try field.member("scales")
        guard let scales = CompressionPlan.Scales(rawValue: try chosen.string()) else {
            throw chosen.refused("\"\(try chosen.string())\" is no source of scales")
        }
        self.scales = scales
        margin = try field.member("margin").number(in: CompressionPlan.margins)
        feedback = try field.member("error_feedback").number(in: 0...1)
        fraction = try field.member("fraction").number(in: 0...1)
        values = try field.member("values").integer(in: 1...VectorLayout.maximumCount)
        sent = try field.member("sent").integer(in: 1...values)
        rotation = try field.optional("rotation")?.number(in: 0...1)
        refresh = try field.optional("refresh")?.integer(in: 0...100_000)
    }

    /// In words, for people.
    var summary: String {
        let some =
            sent < values
            ? "Of \(values) values \(sent) were sent, the same of each cloud: those that had moved most, and some by turn. "
            : ""
        let scaled =
            scales == .released
            ? "Each tensor's values were rounded on a range \(Figure.short(margin)) times its largest step of the update before. "
            : ""
        let kept =
            feedback > 0
            ? "What a cloud could not send it added to its next update\(feedback < 1 ? ", times \(Figure.short(feedback))" : "")."
            : "What a cloud could not send was lost."
        return some + scaled + kept
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
