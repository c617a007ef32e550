import Federation
import Sodium
import StageKit
import Tokenization

/// The shards that lie at a worker, by partition of its cloud's records. Only the newest that is whole counts.
struct HeldShards {
    private struct Part {
        var shards: [TransferName: TokenShard] = [:]
        let count: Int
        let partition: WorkerPartition?
    }

    private var parts: [UInt32: Part] = [:]
    /// The number of the newest partition that is whole; nil for none yet.
    private(set) var newest: UInt32?

    /// - Returns: the names of those that are of no use any more.
    mutating func take(_ shard: TokenShard, _ name: TransferName, _ about: ShardAbout) -> [TransferName] {
        let number = name.round.value
        if let newest, number < newest { return [name] }
        var part = parts[number] ?? Part(count: about.count, partition: about.partition)
        part.shards[name] = shard
        parts[number] = part
        guard part.shards.count == part.count else { return [] }
        newest = number
        let old = parts.filter { $0.key < number }
        for key in old.keys { parts[key] = nil }
        return old.values.flatMap(\.shards.keys).sorted { "\($0)" < "\($1)" }
    }

    private var whole: Part? { newest.flatMap { parts[$0] } }

    var isWhole: Bool { newest != nil }

    /// Nil where the cloud's records were never shared out.
    var partition: WorkerPartition? { whole?.partition }

    /// All examples of a split, in the order of the shards; nil for none.
    func joined(_ split: TokenShard.Split, cloud: CloudName) throws -> TokenShard? {
        try TokenShard.joined(
            (whole?.shards ?? [:]).sorted { $0.key.part < $1.key.part }.map(\.value).filter { $0.split == split },
            split: split, cloud: cloud.description)
    }
}
