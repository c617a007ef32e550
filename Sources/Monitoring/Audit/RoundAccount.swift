package import Federation

/// What audit trails tell of one round: who held what of it, and whether the trails agree with each other.
package struct RoundAccount: Sendable {
    /// What a party had of a round.
    package struct Sight: Sendable, Equatable {
        package let party: StageName
        package let held: String
        /// The digests of what it held, as far as a trail tells them.
        package let digests: [String]
    }

    package let round: RoundNumber
    package let purpose: String
    package let suite: String
    package let opening: String?
    package private(set) var sights: [Sight] = []
    /// Who was left out of the sum though it was there, and by whose word.
    package private(set) var remarks: [String] = []
    /// Where the trails do not agree, or tell of what should not be.
    package private(set) var disagreements: [String] = []
    /// `released`, `abandoned: REASON`, or nil where no trail tells its end.
    package let end: String?

    private let entries: [Event]

    /// Nil if no trail tells anything of the round.
    ///
    /// - Parameter entries: of all trails at hand, each found to be sound or said not to be.
    package init?(_ round: RoundNumber, entries: [Event]) {
        let entries = entries.filter { $0.round == round && RoundAccount.kinds.contains($0.name) }
        guard !entries.isEmpty else { return nil }
        self.round = round
        self.entries = entries
        func first(_ kind: EventKind) -> Event? { entries.first { $0.name == kind.name } }
        let opened = first(.roundOpened)
        opening = opened?.fields[.opening]?.shown ?? first(.roundClosed)?.fields[.opening]?.shown
        purpose = opened?.fields[.purpose]?.shown ?? first(.contributionSealed)?.fields[.purpose]?.shown ?? "unknown"
        suite = opened?.fields[.suite]?.shown ?? "unknown"
        if first(.roundReleased) != nil {
            end = "released"
        } else {
            end = first(.roundAbandoned).map { "abandoned: \($0.fields[.reason]?.shown ?? "")" }
        }
        lookAtClouds()
        lookAtAggregate()
        lookAtOpening()
        lookAtPublish()
        lookAtExclusions()
        compare()
    }

    private static let kinds: Set<String> = Set(
        [
            EventKind.roundOpened, .contributionSealed, .contributionCounted, .roundClosed, .shareMade, .shareVerified,
            .roundReleased, .roundAbandoned, .roundTrained, .partlyEncrypted, .literalFormula, .roundMoved,
            .openingRefused, .contributionDropped, .releaseInconsistent, .roundHeld, .leftOut, .wordInvented,
        ].map(\.name))

    private func all(_ kind: EventKind) -> [Event] { entries.filter { $0.name == kind.name } }

    private func digest(_ event: Event, _ field: EventField = .digest) -> [String] {
        event.fields[field].map { [$0.shown] } ?? []
    }

    private mutating func lookAtClouds() {
        for event in all(.roundTrained) {
            sights.append(
                Sight(party: event.stage, held: "its own cloud's records, and the update made of them", digests: []))
        }
        for event in all(.contributionSealed) {
            sights.append(
                Sight(
                    party: event.stage, held: "its own cloud's vector in clear, and the contribution made of it",
                    digests: digest(event)))
        }
        for event in all(.partlyEncrypted) {
            let (encrypted, values) = (event.fields[.encrypted]?.shown ?? "?", event.fields[.values]?.shown ?? "?")
            sights.append(
                Sight(
                    party: event.stage, held: "sent all but \(encrypted) of \(values) values in clear, with noise",
                    digests: []))
        }
    }

    private mutating func lookAtAggregate() {
        let counted = Dictionary(grouping: all(.contributionCounted), by: \.stage)
        for (aggregate, events) in counted.sorted(by: { $0.key < $1.key }) {
            let names = events.compactMap { $0.fields[.from]?.shown }.sorted().joined(separator: ", ")
            let what = suite == "clear" ? "every value, unencrypted, of the contributions" : "the sealed contributions"
            sights.append(
                Sight(party: aggregate, held: "\(what) of \(names)", digests: events.flatMap { digest($0) }.sorted()))
        }
        for event in all(.roundClosed) {
            sights.append(
                Sight(
                    party: event.stage, held: "their sum, \(suite == "clear" ? "unencrypted" : "sealed")",
                    digests: digest(event)))
        }
    }

    private mutating func lookAtOpening() {
        for event in all(.shareMade) {
            let cohort = event.fields[.cohort]?.shown ?? ""
            sights.append(
                Sight(
                    party: event.stage,
                    held: suite == "secagg"
                        ? "its shares of the masks of those who were left: \(cohort)"
                        : "the sealed contributions of \(cohort), to check the sum, and its share of the sum's opening",
                    digests: digest(event, .root)))
        }
    }

    private mutating func lookAtPublish() {
        for event in all(.roundReleased) {
            let cohort = event.fields[.cohort]?.shown ?? ""
            sights.append(
                Sight(party: event.stage, held: "the opened sum over \(cohort)", digests: digest(event)))
        }
    }

    private mutating func lookAtExclusions() {
        for event in all(.roundHeld) {
            let (left, why) = (event.fields[.leftOut]?.shown ?? "?", event.fields[.reason]?.shown ?? "")
            remarks.append("\(event.stage) left \(left) out of the sum: \(why)")
        }
        for event in all(.leftOut) {
            remarks.append("\(event.stage.cloud) is not in the sum: \(event.fields[.reason]?.shown ?? "")")
        }
    }

    private mutating func compare() {
        let openings = Set(entries.compactMap { $0.fields[.opening]?.shown })
        if openings.count > 1 {
            disagreements.append("the trails tell of \(openings.count) openings of this round")
        }
        let sealed = Dictionary(
            all(.contributionSealed).map { ($0.stage.cloud.description, $0.fields[.digest]?.shown ?? "") },
            uniquingKeysWith: { _, last in last })
        for event in all(.contributionCounted) {
            guard let from = event.fields[.from]?.shown, let own = sealed[from] else { continue }
            if own != event.fields[.digest]?.shown {
                disagreements.append("\(event.stage) counted another contribution of \(from) than \(from) sealed")
            }
        }
        for event in all(.contributionDropped) {
            disagreements.append("\(event.stage.cloud) was receipted, and the release is without it")
        }
        for event in all(.wordInvented) {
            disagreements.append(
                "the round was held to \(event.fields[.cohort]?.shown ?? "?") by a word that \(event.stage.cloud) has not given"
            )
        }
        for event in all(.releaseInconsistent) {
            disagreements.append("\(event.stage.cloud): the release is over other clouds than were announced")
        }
        let shares = Dictionary(grouping: all(.shareMade).filter { $0.fields[.root] != nil }) {
            $0.fields[.root]?.shown
        }
        if shares.count > 1 {
            disagreements.append("clouds helped to open \(shares.count) different sums of this round")
        }
    }
}
