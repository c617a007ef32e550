import Federation
import FineTuning
import Tokenization

/// Trains nothing: a vector that differs from worker to worker and from round to round, so that no transport can save itself
/// sending it. For measuring rounds; loads no engine.
final class EmptyTrainer: Trainer {
    private let seed: UInt64
    let compute: ComputeSettings? = nil

    init(_ stage: StageName) {
        let name = stage.ordinal == 1 ? stage.cloud.description : "\(stage.cloud)/\(stage.ordinal)"
        seed = name.utf8.reduce(14_695_981_039_346_656_037) { ($0 ^ UInt64($1)) &* 1_099_511_628_211 }
    }

    func rehearse() throws {}

    func check(_ opening: Opening) throws {}

    func places(_ opening: Opening) throws -> ValueMask? { opening.compression?.places }

    func untrained(_ opening: Opening) throws -> [Float] { [Float](repeating: 0, count: opening.layout.count) }

    func train(
        _ opening: Opening, from start: StartingAdapter, on shard: TokenShard?, batch: Int?,
        progress: @escaping @Sendable (TrainerProgress) -> Void, delta: (UnsafeRawBufferPointer) throws -> Void
    ) throws -> TrainerResult {
        var state = seed &+ UInt64(opening.round.value) &* 0x9e37_79b9_7f4a_7c15
        var block = [Float](repeating: 0, count: min(opening.layout.count, 1 << 16))
        for segment in opening.layout.segments {
            let range = Float(segment.range)
            for start in stride(from: 0, to: segment.count, by: block.count) {
                let count = min(block.count, segment.count - start)
                for index in 0..<count {
                    state ^= state << 13
                    state ^= state >> 7
                    state ^= state << 17
                    block[index] = range * (Float(state >> 40) / Float(1 << 23) - 1)
                }
                try block.withUnsafeBytes { try delta(UnsafeRawBufferPointer(rebasing: $0[..<(count * 4)])) }
            }
        }
        // It says nothing of any record, whatever noise is asked for.
        return TrainerResult(
            norm: 0, firstLoss: 0, lastLoss: 0, tokens: 0, tokensPerSecond: 0, unit: opening.privacy?.training?.unit)
    }

    /// As the deltas: without a meaning, and different in each cloud.
    func sensitivities(_ opening: Opening, of start: StartingAdapter, on shard: TokenShard?) throws -> [Double] {
        var values: [Double] = []
        values.reserveCapacity(opening.layout.count)
        _ = try train(opening, from: start, on: shard, batch: nil, progress: { _ in }) { bytes in
            values += bytes.bindMemory(to: Float.self).map { Double($0.magnitude) }
        }
        return values
    }

    func scores(_ opening: Opening, of start: StartingAdapter, on shard: TokenShard?) throws -> [Float] {
        [Float](repeating: 0, count: shard?.count ?? 0)
    }

    func loss(_ opening: Opening, of start: StartingAdapter, on shard: TokenShard?) throws -> Double { 0 }
}
