package import Configuration
package import Federation

/// publish.yaml's `pace`: when an update round closes, and what becomes of updates that come after it has (docs/pace.md).
package struct PacePlan: Equatable, Sendable {
    package let mode: Pace.Mode
    package let window: Duration
    package let oldest: Int
    package let discount: Double

    package static let synchronous = PacePlan(mode: .synchronous, window: .zero, oldest: 4, discount: 0.5)

    package init(mode: Pace.Mode, window: Duration, oldest: Int, discount: Double) {
        self.mode = mode
        self.window = window
        self.oldest = oldest
        self.discount = discount
    }

    /// - Parameters: what the rest of the config says of updates; what does not go with late ones is refused.
    package static func read(
        _ file: Section, quorum: Int?, weights: Weighting, encryption: EncryptionPlan,
        compression: CompressionSettings?
    ) -> PacePlan {
        let mode: Pace.Mode = file.choice(
            "mode", default: .synchronous,
            about:
                "`synchronous`: a round waits for all until its deadline; `grace`: for a while after its quorum; `buffered`: no longer than for its quorum"
        )
        let given = file.has("grace")
        let grace =
            given
            ? file.duration(
                "grace", default: .seconds(30), about: "how long a round waits once its quorum is there; without it 30s"
            )
            : .seconds(30)
        let oldest = file.optionalInt(
            "oldest", in: Pace.ages,
            about: "a late update counts if no more than so many updates were released since; without it 4")
        let discount = file.optionalDouble(
            "discount", in: Pace.discounts,
            about: "it then counts (1 + so many updates) to minus this; without it 0.5")
        func refuse(_ key: String, where isGiven: Bool) {
            guard isGiven else { return }
            file.refuse(key, "`mode: \(mode.rawValue)` has none: leave it out, or take another mode")
        }
        refuse("grace", where: given && mode != .grace)
        refuse("oldest", where: oldest != nil && mode == .synchronous)
        refuse("discount", where: discount != nil && mode == .synchronous)
        if grace > .milliseconds(Pace.windows.upperBound) { file.refuse("grace", "expected a day at most") }
        if mode != .synchronous,
            let problem = problem(
                quorum: quorum, weights: weights.mode, encryption: encryption, compression: compression)
        {
            file.refuse("mode", problem)
        }
        return PacePlan(
            mode: mode, window: mode == .grace ? min(grace, .milliseconds(Pace.windows.upperBound)) : .zero,
            oldest: oldest ?? 4, discount: discount ?? 0.5)
    }

    private static func problem(
        quorum: Int?, weights: Weighting.Mode, encryption: EncryptionPlan, compression: CompressionSettings?
    ) -> String? {
        if quorum == nil {
            return "without `quorum` a round wants all clouds, and none is late: give the clouds that close a round"
        }
        switch weights {
        case .fedavg, .uniform: break
        case .quality, .reciprocal, .literal:
            return
                "`weights: {mode: \(weights.rawValue)}` lessens a cloud for its slow link already, and a late update would be lessened twice for one cause: take fedavg or uniform"
        case .qffl:
            return
                "`weights: {mode: qffl}` weighs an update by the loss of the adapter that it starts from, and a late one starts from an adapter whose losses are no longer those that are known: take fedavg or uniform"
        }
        if encryption != .full {
            return
                "with `encryption` a late update's part in clear would be said anew for each round that it is offered to, with other noise each time, and the mean of those shows it: encrypt everything"
        }
        guard let compression else { return nil }
        if compression.feedback > 0 {
            return
                "with `compression.error-feedback` what is left out of an update goes into the next, and of a late one that is for an adapter which has moved on: `error-feedback: 0`"
        }
        if compression.scales == .released {
            return
                "with `compression.scales: released` ranges come from the last step, which late updates make smaller than the updates to come, and what lies beyond them would be lost: `scales: fixed`"
        }
        return nil
    }

    /// Why it cannot be under a suite; nil if it can.
    package func problem(suite: Suite) -> String? {
        guard mode != .synchronous, suite == .secagg else { return nil }
        return
            "publish's `pace` is \(mode.rawValue), and under `suite: secagg` masks are agreed on by the clouds that answer together: take `pace: {mode: synchronous}`, or paillier"
    }

    /// What an update's opening says; nil where it is synchronous.
    package func opening(after recent: RecentUpdates) -> Pace? {
        guard mode != .synchronous else { return nil }
        return Pace(
            mode: mode, window: Int(window / .milliseconds(1)), oldest: oldest, discount: discount,
            recent: recent.newest(oldest))
    }
}
