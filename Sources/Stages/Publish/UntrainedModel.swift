import Adapter
import Federation
import FineTuning
import Publication
import Sodium
import StageKit

/// What a run begins with, made of publish's config and base model alone.
struct UntrainedModel: Sendable {
    /// Nil, with the adapter's configuration, where the run trains nothing that a base model has.
    let base: BaseModel?
    let configuration: AdapterConfiguration?
    let plan: AdapterPlan
    /// Values, of the adapter or of the whole model.
    let count: Int

    /// Reads and checks the base model.
    init(_ publish: PublishConfiguration) throws {
        switch publish.model {
        case .adapter(let folder, let configuration, let maximumWeights):
            let base = try StageError.reading(baseModel: folder) { try BaseModel(directory: folder) }
            guard let tokenizer = base.tokenizerDigest else {
                throw StageError.configuration(
                    "\(folder) has no tokenizer.json, so shards could not be checked against it")
            }
            self.base = base
            self.configuration = configuration
            plan = configuration.plan(baseDigest: base.digest.description, tokenizerDigest: tokenizer.description)
            count = try Self.count(configuration, base, maximumWeights: maximumWeights)
        case .values(let count):
            (base, configuration) = (nil, nil)
            plan = AdapterPlan(
                rank: 1, alpha: 1, targets: [], trains: "b", seed: publish.seed, baseModel: "none",
                baseDigest: "", tokenizerDigest: "")
            self.count = count
        }
    }

    private static func count(
        _ configuration: AdapterConfiguration, _ base: BaseModel, maximumWeights: Int
    ) throws -> Int {
        guard configuration.trains == .full else {
            return try LowRankAdapter(initial: configuration, base: base.shape).trained.count
        }
        let count = LlamaWeights.count(of: base.shape)
        guard count <= maximumWeights else {
            throw StageError.configuration(
                "publish's `adapter: {mode: full}` would train and send all \(count) weights of \(base.directory), and adapter.maximum-weights is \(maximumWeights) (\(LlamaWeights.maximumCount) at most): raise it, or train an adapter"
            )
        }
        return count
    }

    /// - Parameter turn: of which update (from 1); nil for all that is released.
    func layout(range: Double, ofUpdate turn: Int? = nil) throws -> VectorLayout {
        if let base, let configuration {
            let factor = turn.flatMap(configuration.factor(ofUpdate:))
            return try configuration.layout(of: base.shape, range: range, factor: factor)
        }
        return try VectorLayout([.init(name: "values", shape: [count], range: range)])
    }

    func write(to writer: VectorWriter) throws {
        guard let base, let configuration else {
            let zeros = [Float](repeating: 0, count: min(count, 1 << 16))
            for start in stride(from: 0, to: count, by: zeros.count) {
                try writer.append(Array(zeros.prefix(count - start)))
            }
            return
        }
        guard configuration.trains != .full else { return try writer.append(try base.values()) }
        try writer.append(try LowRankAdapter(initial: configuration, base: base.shape).trained)
    }

    /// Another adapter is another vector: what has been released would fit it no more.
    ///
    /// - Parameter last: the newest opening's.
    func check(goesOnFrom last: AdapterPlan) throws(StageError) {
        guard last != plan else { return }
        throw .configuration(
            "publish's `adapter`, `base` or `seed` has been changed in the middle of the run, whose values they lay out (it trains `\(last.trains)` at rank \(last.rank)): take the former ones, or begin a new run"
        )
    }
}
