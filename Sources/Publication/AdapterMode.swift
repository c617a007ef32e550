import Adapter
import Configuration
import Federation

extension AdapterConfiguration.Trains {
    /// publish.yaml's `adapter.mode`: what of the adapter is trained and summed (docs/adapters.md).
    static func read(_ file: Section) -> AdapterConfiguration.Trains {
        /// Beside the modes what is refused with its reason.
        enum Name: String, CaseIterable {
            case freezeA, alternate, shareA, core, inexact, both, full
        }
        let name: Name = file.choice(
            "mode", default: .freezeA,
            about:
                "what is trained and summed: B over a fixed A, either factor in turn, A alone, a small matrix between fixed ones, or no adapter but every weight of a small base model"
        )
        guard let mode = AdapterConfiguration.Mode(rawValue: name.rawValue) else {
            file.refuse(
                "mode",
                "A and B trained in one update cannot be summed exactly: additive encryption makes the mean of the As and that of the Bs, and the mean of the products B A is another; take freezeA, alternate, shareA or core, or ask for the error by name, `inexact`, to compare with"
            )
            return .b
        }
        return mode.trains
    }

    /// Why it does not go with the rest of an update; nil if it does.
    func problem(
        outer: OuterOptimizer, compression: CompressionSettings?, encryption: EncryptionPlan,
        pace: PacePlan = .synchronous
    ) -> String? {
        if self == .alternate {
            if pace.mode != .synchronous {
                return
                    "a late update of one factor has no place in a round of the other: `alternate` takes `pace: {mode: synchronous}`"
            }
            if outer.name != .average {
                return
                    "momentum of `outer: {optimizer: \(outer.name.rawValue)}` would move the factor whose turn it is not: `alternate` takes `average`"
            }
            if compression != nil {
                return
                    "the last released step is of the other factor, and what a cloud left out of it has no place in this one: `alternate` takes no `compression`"
            }
        }
        guard self != .b, self != .core, encryption != .full else { return nil }
        if self == .full {
            return
                "of the embedding only the rows of words that a cloud's records hold get a gradient, and rows in clear would tell which those are: `encryption` goes with freezeA and core"
        }
        return
            "values are encrypted by how much the loss depends on them before the first update, and A's do not show it there, as B is 0: `encryption` goes with freezeA and core"
    }
}
