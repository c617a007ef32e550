extension TokenShard {
    /// One shard of all the examples of several, in their order; nil for none. Patients' numbers are a shard's own, so of several nobody
    /// knows them.
    package static func joined(
        _ shards: [TokenShard], split: Split, cloud: String
    ) throws(TokenizationError) -> TokenShard? {
        guard let first = shards.first else { return nil }
        var tokens: [Int32] = []
        var offsets: [Int64] = [0]
        for shard in shards {
            let base = Int64(tokens.count)
            tokens += shard.tokens
            offsets += shard.offsets.dropFirst().map { $0 + base }
        }
        return try TokenShard(
            tokens: tokens, offsets: offsets, answer: shards.flatMap(\.answer), label: shards.flatMap(\.label),
            patient: shards.count == 1 ? first.patient : nil, split: split, tokenizer: first.tokenizer, cloud: cloud)
    }
}
