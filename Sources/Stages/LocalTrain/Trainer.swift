package import Federation
package import FineTuning
import StageKit
package import Tokenization

/// What a local-train stage asks of whatever does the training. Calls come one at a time, off the stage's actor.
package protocol Trainer: AnyObject, Sendable {
    /// On what, and in which numbers; nil where nothing is computed.
    var compute: ComputeSettings? { get }
    /// Does a little of everything, so that a program that cannot train is found out before a round needs it.
    func rehearse() throws
    /// Throws the reason for which this cloud cannot take part in such an opening.
    func check(_ opening: Opening) throws
    /// The values of the adapter that a run begins with.
    func untrained(_ opening: Opening) throws -> [Float]
    /// The values of the adapter that an update changes; nil for all.
    func places(_ opening: Opening) throws -> ValueMask?
    /// Trains from `start` and gives the clipped delta to `delta`, in one piece or several: f32 values in layout order.
    ///
    /// - Parameter batch: records of a step; nil for as many as the opening says.
    func train(
        _ opening: Opening, from start: StartingAdapter, on shard: TokenShard?, batch: Int?,
        progress: @escaping @Sendable (TrainerProgress) -> Void, delta: (UnsafeRawBufferPointer) throws -> Void
    ) throws -> TrainerResult
    /// How much the loss of this cloud's records depends on each value of the adapter at `start`, in layout order: none below 0.
    func sensitivities(_ opening: Opening, of start: StartingAdapter, on shard: TokenShard?) throws -> [Double]
    /// The score of each example under an adapter's values: logit of the event less that of its absence.
    func scores(_ opening: Opening, of start: StartingAdapter, on shard: TokenShard?) throws -> [Float]
    /// The mean of -log probability over the tokens that training counts, in nats.
    func loss(_ opening: Opening, of start: StartingAdapter, on shard: TokenShard?) throws -> Double
}

/// The adapter that a round starts from, read when it is needed.
package struct StartingAdapter: Sendable {
    /// Nil for the untrained one.
    let payload: OpenPayload?
    /// What this cloud keeps of an adapter to itself; nil for nothing yet.
    var own: OpenPayload?

    /// Values in layout order; empty for the untrained adapter.
    func values() throws -> [Float] { try payload?.floats() ?? [] }
    func ownValues() throws -> [Float] { try own?.floats() ?? [] }
}

package struct TrainerProgress: Sendable {
    let step: Int
    let steps: Int
    let loss: Double
    let tokensPerSecond: Double
    let timeLeft: Duration
}

package struct TrainerResult: Sendable {
    let norm: Double
    let firstLoss: Double
    let lastLoss: Double
    let tokens: Int
    let tokensPerSecond: Double
    /// What was trained and is not shared; empty where all is.
    var own: [Float] = []
    /// Whom the noise that it was made under protects; nil where there was none.
    var unit: PrivacyPlan.Unit?
}
