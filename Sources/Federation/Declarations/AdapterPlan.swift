package import MessagePack

/// What a run trains: the adapter and the base model under it. The same in every opening of a run.
package struct AdapterPlan: Hashable, Sendable {
    package let rank: Int
    package let alpha: Int
    /// Linear layers by PEFT's short names: `q_proj`, `down_proj`, ...
    package let targets: [String]
    /// What is trained and summed: `b` (A frozen, the default), `alternate` (either factor in turn), `a` (each cloud keeps its own B),
    /// `core` (a matrix between fixed factors), `both`, whose sums are not exact, or `full`: no adapter but every weight of the base
    /// model, with rank and alpha 1 and no targets.
    package let trains: String
    /// Public: the frozen A of every cloud comes from it.
    package let seed: UInt64
    package let baseModel: String
    /// Digests of the base model's contents and of its tokenizer.json, 64 hexadecimal digits each.
    package let baseDigest: String
    package let tokenizerDigest: String

    package init(
        rank: Int, alpha: Int, targets: [String], trains: String, seed: UInt64, baseModel: String, baseDigest: String,
        tokenizerDigest: String
    ) {
        self.rank = rank
        self.alpha = alpha
        self.targets = targets
        self.trains = trains
        self.seed = seed
        self.baseModel = baseModel
        self.baseDigest = baseDigest
        self.tokenizerDigest = tokenizerDigest
    }

    package var value: Value {
        .map([
            ("rank", .number(rank)), ("alpha", .number(alpha)), ("targets", .list(targets.map(Value.text))),
            ("trains", .text(trains)), ("seed", .unsigned(seed)), ("base", .text(baseModel)),
            ("base-digest", .text(baseDigest)), ("tokenizer-digest", .text(tokenizerDigest)),
        ])
    }

    package init(_ value: Value) throws {
        var fields = try Fields(value, at: "adapter")
        rank = try fields.integer("rank", in: 1...4096)
        alpha = try fields.integer("alpha", in: 1...65_536)
        targets = try fields.list("targets", limit: 64).map { value in
            guard case .text(let text) = value, text.utf8.count <= 64 else {
                throw FederationError.malformed(place: "adapter.targets", "expected short names")
            }
            return text
        }
        trains = try fields.text("trains", limit: 16)
        seed = try fields.wide("seed")
        baseModel = try fields.text("base")
        baseDigest = try fields.text("base-digest", limit: 64)
        tokenizerDigest = try fields.text("tokenizer-digest", limit: 64)
        try fields.finish()
    }
}
