package import Tokenization

extension FineTuner {
    /// For each trained value the mean, over some records, of the magnitude of that record's gradient of the loss, at the
    /// present values: how far the loss of single records would move with it. In the order of the layout.
    ///
    /// First order, where FedML-HE (Jin and others, arXiv 2303.10837) takes the gradient's derivative by the label: one backward
    /// pass a record, and no second ones, which the engine's interface lacks. Magnitudes before the mean, so that
    /// records that pull in opposite directions do not cancel.
    ///
    /// - Parameters:
    ///   - records: at most so many; which of them, the seed decides.
    package func sensitivities(on shard: TokenShard, records: Int, seed: UInt64) throws -> [Double] {
        var order = BatchOrder(shard, batchSize: records, seed: seed)
        let examples = order.next()
        var sums = [Double](repeating: 0, count: count)
        for example in examples {
            let (loss, gradient) = try gradient(on: [example], of: shard)
            guard loss.isFinite, gradient.allSatisfy(\.isFinite) else {
                throw FineTuningError.diverged(step: 0, "the gradient of a record is not finite")
            }
            for index in sums.indices { sums[index] += Double(gradient[index].magnitude) }
        }
        return sums.map { $0 / Double(examples.count) }
    }
}
