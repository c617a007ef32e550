/// Why a base model, a shard or a training run was refused.
package enum FineTuningError: Error, Equatable, CustomStringConvertible {
    /// A file of the base model's folder.
    case base(file: String, String)
    /// A shard that does not fit the model.
    case shard(String)
    case setting(String)
    /// Training went astray.
    case diverged(step: Int, String)

    package var description: String {
        switch self {
        case .base(let file, let reason): "base model, \(file): \(reason)"
        case .shard(let reason): "the token shard does not fit the model: \(reason)"
        case .setting(let reason): "training setting: \(reason)"
        case .diverged(let step, let reason):
            "training went astray at step \(step): \(reason); lower the learning rate or the clip norm"
        }
    }
}
