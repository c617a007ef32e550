import Federation
import StageKit
import Tokenization

/// What a local-train stage asks of whatever does the training. Calls come one at a time, off the stage's actor.
protocol Trainer: AnyObject, Sendable {
    /// Throws the reason for which this cloud cannot take part in such an opening.
    func check(_ opening: Opening) throws
    /// Trains from `start` (values in layout order; empty: from the beginning) and answers the clipped delta.
    func train(
        _ opening: Opening, from start: [Float], on shard: TokenShard?,
        progress: @escaping @Sendable (TrainerProgress) -> Void
    ) throws -> TrainerResult
    /// The score of each example under an adapter's values: logit of the event less that of its absence.
    func scores(_ opening: Opening, of start: [Float], on shard: TokenShard?) throws -> (scores: [Float], loss: Double)
}

struct TrainerProgress: Sendable {
    let step: Int
    let steps: Int
    let loss: Double
    let tokensPerSecond: Double
    let timeLeft: Duration
}

struct TrainerResult: Sendable {
    let delta: [Float]
    let norm: Double
    let firstLoss: Double
    let lastLoss: Double
    let tokens: Int
    let tokensPerSecond: Double
}
