package import Configuration
package import Federation
package import Planning

/// publish.yaml's `planner`: what it may choose for each update round, and within which limits.
package struct PlannerPlan: Sendable, Equatable {
    package enum Mode: String, Sendable, CaseIterable {
        /// Every round asks what the config says.
        case off
        /// Steps are shared out so that clouds arrive together; bits, quorum and deadline within their limits.
        case balance
    }

    package let mode: Mode
    package let steps: ClosedRange<Int>
    package let leastBits: Int
    /// Nil for the config's quorum.
    package let leastQuorum: Int?
    package let leastDeadline: Duration

    package static let off = PlannerPlan(
        mode: .off, steps: Pacing.steps, leastBits: 2, leastQuorum: nil, leastDeadline: .seconds(30))

    package init(
        mode: Mode, steps: ClosedRange<Int>, leastBits: Int, leastQuorum: Int?, leastDeadline: Duration
    ) {
        self.mode = mode
        self.steps = steps
        self.leastBits = leastBits
        self.leastQuorum = leastQuorum
        self.leastDeadline = leastDeadline
    }

    /// - Parameters:
    ///   - update: what the rest of the config says of updates; what the planner cannot go with is refused.
    ///   - bits: the config's, the most that it may choose.
    package static func read(_ file: Section, update: UpdatePlan, bits: Int) -> PlannerPlan {
        let mode: Mode = file.choice(
            "mode", default: .balance, about: "`balance`, or `off`: every round asks what the rest of this file says")
        let local = max(1, update.localSteps)
        let most = file.optionalInt(
            "most-steps", in: local...Pacing.steps.upperBound,
            about:
                "local steps that a fast cloud does at most; without it four times `local-steps`, and no more than 16 times `least-steps`"
        )
        let least = file.optionalInt(
            "least-steps", in: 1...local,
            about:
                "local steps that a slow cloud does at least; without it a quarter of `local-steps`, and a sixteenth of `most-steps` at least"
        )
        let leastBits = file.optionalInt(
            "least-bits", in: 2...max(2, bits),
            about: "bits of a value that it may go down to where a link is slow; without it `bits`")
        let leastQuorum = file.optionalInt(
            "least-quorum", in: 1...1024,
            about: "clouds that it may close a round with where the others would come late; without it `quorum`")
        let leastDeadline = file.duration(
            "least-deadline", default: .seconds(30),
            about: "the soonest deadline of a round that leaves clouds behind; without it 30s")
        if mode == .balance {
            if local == 1 {
                file.refuse("mode", "with `local-steps: 1` there is nothing to share out: leave `planner` out")
            }
            if update.proximal > 0 {
                file.refuse(
                    "mode",
                    "under `proximal` a later step counts less than an earlier one, so that deltas cannot be counted per step: take one of the two"
                )
            }
        }
        // What clouds refuse unless told otherwise is asked of none by default, whichever of the two is given.
        let slow = least ?? min(local, max((local + 3) / 4, ((most ?? 1) + Pacing.ratio - 1) / Pacing.ratio))
        let fast = most ?? min(4 * local, max(local, Pacing.ratio * slow), Pacing.steps.upperBound)
        return PlannerPlan(
            mode: mode, steps: slow...fast,
            leastBits: leastBits ?? bits, leastQuorum: leastQuorum, leastDeadline: leastDeadline)
    }

    /// What `planner: {}` is, for a config that has none.
    package func standard(_ publish: PublishConfiguration) -> PlannerPlan {
        let local = max(1, publish.update.localSteps)
        return PlannerPlan(
            mode: .balance, steps: ((local + 3) / 4)...min(4 * local, Pacing.steps.upperBound), leastBits: publish.bits,
            leastQuorum: nil, leastDeadline: .seconds(30))
    }

    /// Of a round of `quorum` clouds. Under `secagg` masks are dealt for a number of clouds that are there to the end: it is not for a planner to
    /// lower.
    package func limits(of publish: PublishConfiguration, quorum: Int, suite: Suite) -> PlanLimits {
        limits(
            localSteps: publish.update.localSteps, bits: publish.bits, quorum: quorum,
            minimumCohort: suite == .secagg ? quorum : publish.minimumCohort, deadline: publish.deadline)
    }

    package func limits(localSteps: Int, bits: Int, quorum: Int, minimumCohort: Int, deadline: Duration) -> PlanLimits {
        let longest = deadline / .seconds(1)
        return PlanLimits(
            evenSteps: localSteps, steps: steps, bits: min(leastBits, bits)...bits,
            leastQuorum: max(minimumCohort, min(leastQuorum ?? quorum, quorum)),
            deadline: min(leastDeadline / .seconds(1), longest)...longest)
    }
}
