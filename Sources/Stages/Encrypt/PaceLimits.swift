import Configuration
import Federation

/// How much work this cloud lets a round ask of it, and what it tells of how fast it is.
struct PaceLimits {
    var mostSteps = Pacing.steps.upperBound
    /// The most steps of the cohort over the least. A delta counts per step: whoever is asked for few stands out from those who are asked
    /// for many, if theirs do not grow with their steps.
    var mostRatio = Double(Pacing.ratio)
    /// How many updates may have been released since the adapter that a late one was trained from; 0: no late ones.
    var stalest = Pace.ages.upperBound
    /// Aggregate can tell when a contribution comes, whatever is said here.
    var tellsTime = true

    init() {}

    init(from limits: Section) {
        mostSteps = limits.int(
            "local-steps", in: Pacing.steps, default: mostSteps,
            about: "never part of an update that asks more local steps of this cloud; without it any number")
        mostRatio = limits.double(
            "pace-ratio", in: 1...1e6, default: mostRatio,
            about: "nor of one that asks of one cloud more than so many times the steps of another")
        stalest = limits.int(
            "stalest", in: 0...Pace.ages.upperBound, default: stalest,
            about:
                "nor of one that counts updates more than so many releases late; 0: none that counts late ones at all"
        )
        tellsTime = limits.bool(
            "tells-time", default: tellsTime,
            about: "whether the others may know what its training took, to four significant bits")
    }

    /// Why this cloud does not answer an opening; nil if it does.
    func refusal(of opening: Opening, cloud: CloudName) -> String? {
        guard let training = opening.training else { return nil }
        if let pace = opening.pace, pace.oldest > stalest {
            return
                "it counts updates that come \(pace.oldest) releases late, and this cloud's limits.stalest is \(stalest)"
        }
        let steps = training.steps(of: cloud)
        guard steps <= mostSteps else {
            return "it asks \(steps) local steps of this cloud, whose limits.local-steps is \(mostSteps)"
        }
        let asked = training.pacing.paces.map { Double($0.steps) }
        guard let most = asked.max(), let least = asked.min(), most > mostRatio * least else { return nil }
        return
            "it asks \(Int(most)) steps of one cloud and \(Int(least)) of another, more than this cloud's limits.pace-ratio, \(mostRatio), apart"
    }

    func time(_ measured: UInt32?, in opening: Opening) -> UInt32? {
        guard tellsTime, opening.purpose == .update else { return nil }
        return measured.map(Weight.bucket(milliseconds:))
    }
}
