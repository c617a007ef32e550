import Tokenization

/// Logistic regression over harmonised clouds: alone, pooled, and cross-validated. It sees all clouds' stays at once, which
/// no stage of the federation does: a yardstick, and labelled as one wherever it is shown.
package struct LogisticBaseline {
    package struct Cloud {
        package let name: String
        package let data: Harmonised

        package init(name: String, data: Harmonised) {
            self.name = name
            self.data = data
        }
    }

    /// A held-out stay and what each model makes of it.
    package struct Scored {
        package let cloud: String
        package let stay: String
        package let died: Bool
        package let pooled: Double
        /// By the name of the cloud that the model was trained on.
        package let alone: [String: Double]
    }

    package struct Result {
        package let scored: [Scored]

        package var pooled: Double? { RankingMetrics.auroc(scored.map { ($0.pooled, $0.died) }) }
        package var pooledPrecision: Double? { RankingMetrics.averagePrecision(scored.map { ($0.pooled, $0.died) }) }

        /// The model of one cloud on the held-out stays of all.
        package func alone(_ cloud: String) -> Double? {
            RankingMetrics.auroc(scored.compactMap { stay in stay.alone[cloud].map { ($0, stay.died) } })
        }

        /// Each held-out stay scored by its own cloud's model, all stays ranked together.
        package var own: Double? {
            RankingMetrics.auroc(scored.compactMap { stay in stay.alone[stay.cloud].map { ($0, stay.died) } })
        }

        /// One cloud's held-out stays alone, ranked by the pooled model and by its own.
        package func inside(_ cloud: String) -> (pooled: Double?, own: Double?) {
            let stays = scored.filter { $0.cloud == cloud }
            return (
                RankingMetrics.auroc(stays.map { ($0.pooled, $0.died) }),
                RankingMetrics.auroc(stays.compactMap { stay in stay.alone[cloud].map { ($0, stay.died) } })
            )
        }
    }

    package let clouds: [Cloud]
    package let ridge: Double

    package init(clouds: [Cloud], ridge: Double = 1) {
        self.clouds = clouds
        self.ridge = ridge
    }

    /// Trains on the training and validation stays (there is nothing to stop early), scores the test stays.
    package func run() throws -> Result { Result(scored: try score(clouds)) }

    /// The same once for each of `folds` folds of patients; every stay is scored once.
    package func crossValidate(folds: Int, salt: String) throws -> Result {
        var scored: [Scored] = []
        for index in 0..<folds {
            let partition = Partition(salt: salt, scheme: .fold(index: index, count: folds, validation: 0))
            scored += try score(
                clouds.map { cloud in
                    Cloud(
                        name: cloud.name,
                        data: Harmonised(
                            stays: cloud.data.stays, counts: cloud.data.counts, variables: cloud.data.variables,
                            partition: partition, mapping: cloud.data.mapping))
                })
        }
        return Result(scored: scored)
    }

    private func score(_ clouds: [Cloud]) throws -> [Scored] {
        guard let variables = clouds.first?.data.variables else { return [] }
        var released = [Double](repeating: 0, count: variables.count * StatisticsVector.segments.count)
        for cloud in clouds {
            for (index, value) in cloud.data.statistics.enumerated() { released[index] += value }
        }
        let standardisation = try Standardisation(released: released, variables: variables)
        func train(_ clouds: [Cloud]) throws -> LogisticRegression? {
            let stays = clouds.flatMap { $0.data.stays(in: .train) + $0.data.stays(in: .validation) }
            guard stays.contains(where: \.died), stays.contains(where: { !$0.died }) else { return nil }
            return try LogisticRegression(
                features: stays.map { BaselineFeatures.of($0, standardisation: standardisation) },
                died: stays.map(\.died),
                ridge: ridge)
        }
        guard let pooled = try train(clouds) else { return [] }
        var alone: [String: LogisticRegression] = [:]
        for cloud in clouds { alone[cloud.name] = try train([cloud]) }
        return clouds.flatMap { cloud in
            cloud.data.stays(in: .test).map { stay in
                let features = BaselineFeatures.of(stay, standardisation: standardisation)
                return Scored(
                    cloud: cloud.name, stay: stay.id, died: stay.died, pooled: pooled.score(features),
                    alone: alone.mapValues { $0.score(features) })
            }
        }
    }
}
