import Configuration
import Federation

/// By which rules this cloud lets itself be weighed, and what it tells for it.
struct WeightLimits {
    /// The paper's own two follow its words or its letter, not the updates' worth: who wants them asks for them by name.
    var modes: Set<Weighting.Mode> = [.fedavg, .uniform, .quality, .qffl]
    /// Whether the others may know its loss on its own validation patients, bucketed.
    var tellsLoss = false

    init() {}

    init(from limits: Section) {
        if limits.has("weights") {
            modes = Set(
                limits.list(
                    "weights",
                    about:
                        "the rules by which this cloud lets itself be weighed; without it fedavg, uniform, quality and qffl"
                ) { $0.choice(of: Weighting.Mode.self) })
        }
        tellsLoss = limits.bool(
            "tells-loss", default: tellsLoss,
            about: "whether the others may know its mean loss on its validation patients, to four significant bits")
    }

    /// Why this cloud does not answer an opening; nil if it does.
    func refusal(of opening: Opening) -> String? {
        guard let mode = opening.training?.weighting.rule.mode, !modes.contains(mode) else { return nil }
        return "it weighs the clouds by `\(mode.rawValue)`, which is not in this cloud's limits.weights"
    }

    /// What is told with scores on the validation split.
    func loss(_ measured: UInt32?, in opening: Opening) -> UInt32? {
        guard tellsLoss, opening.split == .validation else { return nil }
        return measured.map(Weight.bucket(loss:))
    }
}
