package import Federation

extension AdapterConfiguration {
    /// The configuration that an opening describes.
    package init(_ plan: AdapterPlan) throws(AdapterError) {
        guard let trains = Trains(rawValue: plan.trains) else {
            throw .setting(
                "\"\(plan.trains)\" is not a way to train an adapter; known are \(Trains.allCases.map(\.rawValue).joined(separator: ", "))"
            )
        }
        try self.init(
            rank: plan.rank, alpha: plan.alpha, targetModules: plan.targets, trains: trains, seed: plan.seed,
            baseModelName: plan.baseModel)
    }

    /// What an opening says of it, with the digests of the base model and its tokenizer.
    package func plan(baseDigest: String, tokenizerDigest: String) -> AdapterPlan {
        AdapterPlan(
            rank: rank, alpha: alpha, targets: targets.map(\.rawValue), trains: trains.rawValue, seed: seed,
            baseModel: baseModelName, baseDigest: baseDigest, tokenizerDigest: tokenizerDigest)
    }
}
