package import Configuration
import Federation

/// configs/…/encrypt.yaml: how this cloud seals, and what it will answer at all, whatever an opening asks.
package struct EncryptConfiguration: Configurable {
    let threads: Int
    let minimumCohort: Int
    let purposes: Set<Purpose>
    let maximumRounds: Int
    /// The largest part of the cohort's weight that one cloud may have: above it the sum is nearly that cloud's own.
    let maximumShare: Double
    let maximumClipNorm: Double
    let partial: PartialLimits
    let weights: WeightLimits
    let pace: PaceLimits
    let privacy: PrivacyLimits
    /// Whether what was left out of an update may lie on this stage's disk until the next.
    let keepsResidual: Bool
    /// Whether updates of both factors at once are answered, whose mean is not that of the clouds' adapters.
    let inexact: Bool
    /// Whether updates of every weight of the base model are answered.
    let full: Bool

    package init(from file: Section) throws {
        threads = file.int("threads", in: 1...1024, default: 1, about: "threads that seal")
        let limits =
            try file.optionalSection(
                "limits", as: Limits.self, about: "what this cloud answers at all, whatever an opening asks")
            ?? Limits()
        minimumCohort = limits.minimumCohort
        maximumRounds = limits.rounds
        maximumShare = limits.maximumShare
        maximumClipNorm = limits.clipNorm
        purposes = limits.purposes
        partial = limits.partial
        weights = limits.weights
        pace = limits.pace
        privacy = limits.privacy
        keepsResidual = limits.keepsResidual
        inexact = limits.inexact
        full = limits.full
    }

    private struct Limits: Configurable {
        var minimumCohort = 3
        var rounds = 10_000
        var maximumShare = 0.6
        var clipNorm = 1e9
        var purposes = Set(Purpose.allCases)
        var partial = PartialLimits()
        var weights = WeightLimits()
        var pace = PaceLimits()
        var privacy = PrivacyLimits()
        var keepsResidual = true
        var inexact = false
        var full = false

        init() {}

        init(from file: Section) throws {
            minimumCohort = file.int(
                "minimum-cohort", in: 1...1024, default: minimumCohort,
                about: "never part of a sum that could be opened over fewer clouds")
            rounds = file.int(
                "rounds", in: 1...1_000_000, default: rounds, about: "nothing is answered beyond this round")
            maximumShare = file.double(
                "maximum-share", in: 0...1, default: maximumShare,
                about: "never part of an update in which one cloud has more of the weight")
            clipNorm = file.double(
                "clip-norm", in: 0...1e9, default: clipNorm, about: "nor of one with a larger clip norm")
            if file.has("purposes") {
                purposes = Set(
                    file.list("purposes", about: "the kinds of rounds that are answered; without it all") {
                        $0.choice(of: Purpose.self)
                    })
            }
            partial = PartialLimits(from: file)
            weights = WeightLimits(from: file)
            pace = PaceLimits(from: file)
            privacy =
                try file.optionalSection(
                    "privacy", about: "what this cloud's updates may tell of its patients and of itself"
                ) { PrivacyLimits(from: $0) } ?? privacy
            keepsResidual = file.bool(
                "keeps-residual", default: keepsResidual,
                about: "whether what compression leaves out of an update is kept here, in clear, for the next one")
            inexact = file.bool(
                "inexact", default: inexact,
                about: "whether updates of A and B at once are answered, whose sum is not exact")
            full = file.bool(
                "full", default: full,
                about:
                    "whether updates of every weight are answered: their sum shows which words the clouds' records hold"
            )
        }
    }

    /// Throws the reason for which this cloud stays out of a round.
    func allow(_ opening: Opening, cloud: CloudName) throws {
        func refuse(_ reason: String) -> Refusal { Refusal(reason) }
        guard purposes.contains(opening.purpose) else {
            throw refuse("this cloud answers no \(opening.purpose) rounds")
        }
        guard opening.minimumCohort >= minimumCohort else {
            throw refuse(
                "it would open a sum of \(opening.minimumCohort) clouds, this cloud's limits.minimum-cohort is \(minimumCohort)"
            )
        }
        guard Int(opening.round.value) <= maximumRounds else {
            throw refuse("round \(opening.round) is beyond this cloud's limits.rounds, \(maximumRounds)")
        }
        guard opening.purpose != .update || opening.clipNorm <= maximumClipNorm else {
            throw refuse("its clip norm \(opening.clipNorm) is above this cloud's limits.clip-norm, \(maximumClipNorm)")
        }
        if let reason = partial.refusal(of: opening) { throw refuse(reason) }
        if let reason = weights.refusal(of: opening) { throw refuse(reason) }
        if let reason = pace.refusal(of: opening, cloud: cloud) { throw refuse(reason) }
        if let feedback = opening.compression?.feedback, feedback > 0, !keepsResidual {
            throw refuse(
                "it wants what is left out of an update kept for the next, and this cloud's limits.keeps-residual is false"
            )
        }
        guard inexact || opening.purpose != .update || opening.adapter.trains != "both" else {
            throw refuse(
                "it trains A and B in one update, whose sum is not exact (`inexact`), and this cloud's limits.inexact is false"
            )
        }
        guard full || opening.purpose != .update || opening.adapter.trains != "full" else {
            throw refuse(
                "it trains every weight of the base model (`full`), whose sum shows which words the clouds' records hold, and this cloud's limits.full is false"
            )
        }
        let total = opening.cohort.reduce(0.0) { $0 + Double($1.weight) }
        if opening.purpose == .update, opening.cohort.count > 1,
            let heaviest = opening.cohort.max(by: { $0.weight < $1.weight }),
            Double(heaviest.weight) / total > maximumShare
        {
            throw refuse(
                "\(heaviest.cloud) would have more of the weight than this cloud's limits.maximum-share, \(maximumShare)"
            )
        }
    }
}

/// Why a cloud stays out.
struct Refusal: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
