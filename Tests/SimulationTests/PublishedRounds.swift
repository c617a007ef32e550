import Federation
import Sodium
import StageKit

/// All that publish has written into its journal of a run's rounds. It forgets what is long over; this does not.
struct PublishedRounds {
    private(set) var openings: [Signed<Opening>] = []
    private(set) var releases: [Signed<Release>] = []
    private(set) var abandonments: [Signed<Abandonment>] = []
    /// Who was in the sum of each released round.
    private(set) var parts: [RoundNumber: [SumAbout.Part]] = [:]
    /// Neither released nor abandoned yet.
    private var open: [RoundNumber] = []
    static let sumPrefix = "sum/"

    /// To be called after each transaction: rounds follow one another without a gap.
    mutating func look(into journal: Journal, of publish: StageName, key: any SignatureVerifier) throws {
        try journal.read { entry in
            while true {
                let next = openings.last?.content.round.next ?? RoundNumber(1)
                guard let opening = try entry.document(Opening.self, round: next, key: key, signer: publish) else {
                    break
                }
                openings.append(opening)
                open.append(next)
            }
            for round in open {
                if let release = try entry.document(Release.self, round: round, key: key, signer: publish) {
                    releases.append(release)
                    if let bytes = try entry.fact("\(Self.sumPrefix)\(round)") {
                        parts[round] = try SumAbout(encoded: bytes).parts
                    }
                } else if let end = try entry.document(Abandonment.self, round: round, key: key, signer: publish) {
                    abandonments.append(end)
                } else {
                    continue
                }
                open.removeAll { $0 == round }
            }
        }
    }

    /// Digests of everything.
    var said: Set<Digest> { Set(openings.map(\.digest) + releases.map(\.digest) + abandonments.map(\.digest)) }
}
