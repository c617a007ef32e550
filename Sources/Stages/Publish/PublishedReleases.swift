import Federation
import StageKit

/// What publish keeps of its own releases, however many there were: how many, the first and the newest of each purpose, and
/// those that no release folder has told of yet.
struct PublishedReleases: Sendable {
    static let countFact = "releases"

    /// How many steps of the plan are done.
    private(set) var count = 0
    /// In the order of rounds.
    private var kept: [Signed<Release>] = []

    init() {}

    /// - Parameter adapter: the round that made the newest adapter.
    init(in context: StageContext, adapter: RoundNumber) throws {
        for release in try context.releases() { append(release, adapter: adapter) }
        // In journals from before releases were forgotten each one is a step.
        if let bytes = try context.journal.read({ try $0.fact(Self.countFact) }) {
            count = bytes.reduce(0) { $0 << 8 | Int($1) }
        }
    }

    mutating func append(_ release: Signed<Release>, adapter: RoundNumber) {
        count += 1
        kept.append(release)
        let needed = Set(
            Purpose.allCases.flatMap { purpose in [first(purpose), last(purpose)] }.compactMap { $0?.content.round })
        kept.removeAll { $0.content.round < adapter && !needed.contains($0.content.round) }
    }

    /// For the journal, with the next one.
    var countAfterNext: [UInt8] { (0..<4).reversed().map { UInt8(truncatingIfNeeded: (count + 1) >> ($0 * 8)) } }

    var last: Signed<Release>? { kept.last }
    func first(_ purpose: Purpose) -> Signed<Release>? { kept.first { $0.content.purpose == purpose } }
    private func last(_ purpose: Purpose) -> Signed<Release>? { kept.last { $0.content.purpose == purpose } }

    /// Of each purpose, in the order of rounds.
    var newest: [Signed<Release>] {
        Purpose.allCases.compactMap(last).sorted { $0.content.round < $1.content.round }
    }

    func of(_ round: RoundNumber) -> Signed<Release>? { kept.last { $0.content.round == round } }

    /// Those after that of a round, where that is no earlier than the adapter's.
    func since(_ round: RoundNumber) -> [Signed<Release>] { kept.filter { $0.content.round > round } }
}

// A run may go on for months, and publish must not grow with it.
extension PublishStage {
    /// The newest adapter's opening says how it was made, and its round which sums a release has yet to tell of.
    var remembrance: Remembrance { Remembrance(from: model.round) }

    func forgetRounds(before last: RoundNumber) throws {
        try context.forgetRounds(before: last, but: remembrance)
        try context.journal.note { try $0.forgetFacts(under: Self.sumPrefix, before: model.round) }
    }

    /// Whose contributions are in a round's sum.
    nonisolated static let sumPrefix = "sum/"
}
