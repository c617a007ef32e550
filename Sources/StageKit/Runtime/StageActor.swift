/// Where a stage's own state lives: its runtime and its logic run here one after the other, never at once. Long work leaves it
/// (`StageContext.offload`) and comes back with its result.
@globalActor
package actor StageActor {
    package static let shared = StageActor()
}
