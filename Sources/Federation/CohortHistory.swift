/// Which clouds are summed together in a run, as one cloud knows it from the documents that publish has signed.
///
/// Statistics and scores are sums over data that stay the same, and updates from one adapter are alike whenever they are
/// made: two such sums over different clouds, one subtracted from the other, are what the difference of clouds contributed.
/// Publish's plan asks for no such pair; a cloud that keeps this history answers none, whatever publish asks. Clouds may come and
/// go between rounds, by a topology that each cloud's own operator has applied: then statistics and sensitivities stay what they
/// were, and scores are summed over the new clouds only once there is an adapter that the former were not asked about.
package struct CohortHistory: Sendable {
    /// Why an opening is not answered, or a release is not what was announced.
    package struct Fault: Error, Equatable, CustomStringConvertible {
        package let description: String
    }

    private let clouds: Set<CloudName>
    /// Earlier ones of this cloud's topology.
    private let former: [Set<CloudName>]
    private let own: CloudName?
    /// The round that it joined first; nil before that.
    private var since: RoundNumber?
    /// The newest scores that were released of the validation (false) and the test split.
    private var scores: [Bool: (round: RoundNumber, clouds: Set<CloudName>)] = [:]
    /// As the released statistics have them.
    private var weights: [CloudName: UInt32]?
    /// What this cloud told of its loss in round `newestValidation`.
    package var toldLoss: UInt32?
    /// The newest scores on the validation split that were released.
    package var newestValidation: RoundNumber? { scores[false]?.round }
    private var newest: RoundNumber?
    private var newestUpdate: RoundNumber?
    private var hasSensitivities = false
    /// The rounds of the releases by which a history that takes them in anew, in their order, comes to the same judgement; few,
    /// however many there were.
    package var deciding: Set<RoundNumber> {
        Set(first.values).union(scores.values.map(\.round)).union(
            [newest, newestUpdate, fault?.round].compactMap(\.self))
    }
    private var first: [Purpose: RoundNumber] = [:]
    private var fault: (round: RoundNumber, reason: Fault)?

    /// - Parameters:
    ///   - clouds: the clouds with data of the topology.
    ///   - former: those of earlier topologies of the run that this cloud has gone by.
    ///   - own: the cloud whose history this is.
    ///   - since: the round whose opening it answered first: sums without it, from before, are nothing that it has to judge. 0
    ///     for one that has been there from the beginning; nil before it has answered any.
    package init(
        clouds: some Sequence<CloudName>, former: [Set<CloudName>] = [], own: CloudName? = nil,
        since: RoundNumber? = RoundNumber(0)
    ) {
        self.clouds = Set(clouds)
        self.former = former
        self.own = own
        self.since = since
    }

    package mutating func tookPart(in round: RoundNumber) { since = since ?? round }

    /// Remembers a release. Throws once for one that should not have been; from then on no opening is answered.
    package mutating func note(_ release: Release) throws(Fault) {
        newest = max(newest ?? release.round, release.round)
        if first[release.purpose] == nil { first[release.purpose] = release.round }
        switch release.purpose {
        case .update: newestUpdate = max(newestUpdate ?? release.round, release.round)
        case .statistics, .sensitivity, .evaluation:
            if release.purpose == .sensitivity { hasSensitivities = true }
            if release.purpose == .statistics, weights == nil {
                weights = Dictionary(release.cohort.map { ($0.cloud, $0.weight) }) { first, _ in first }
            }
            let members = Set(release.cohort.map(\.cloud))
            if release.purpose == .evaluation { scores[release.isOfTest] = (release.round, members) }
            if members == clouds || former.contains(members) { return }
            if let own, !members.contains(own), since.map({ release.round < $0 }) ?? true { return }
            let fault = Fault(
                description:
                    "round \(release.round) (\(release.purpose)) was released over \(named(release.cohort)), the federation is \(named(clouds)): sums over different clouds can be subtracted from each other"
            )
            self.fault = self.fault ?? (release.round, fault)
            throw fault
        }
    }

    /// Throws the reason for which a cloud with this history does not answer.
    package func check(_ opening: Opening) throws(Fault) {
        if let fault { throw fault.reason }
        func refuse(_ reason: String) -> Fault { Fault(description: reason) }
        if let newest, opening.round <= newest {
            throw refuse("round \(opening.round) comes after the release of round \(newest)")
        }
        guard Set(opening.cohort.map(\.cloud)) == clouds else {
            throw refuse(
                "its cohort is \(named(opening.cohort)), the federation is \(named(clouds)): sums over different clouds can be subtracted from each other; compare the topology files"
            )
        }
        if opening.purpose != .update, opening.quorum != clouds.count {
            throw refuse(
                "a round for \(opening.purpose) wants the whole cohort, this one is content with \(opening.quorum) of \(clouds.count) clouds"
            )
        }
        if opening.purpose == .sensitivity, hasSensitivities {
            throw refuse("the sensitivities of this run have been summed already")
        }
        if let weights {
            if opening.purpose == .statistics { throw refuse("the statistics of this run have been released already") }
            let late = Weight.ofLatecomer(among: weights.values)
            let plan = opening.training?.weighting ?? .records
            let fault = plan.fault(
                in: opening.cohort, declared: { weights[$0] ?? late }, own: own.map { ($0, toldLoss) })
            if let fault { throw refuse(fault) }
        }
        if opening.purpose == .evaluation, let last = scores[opening.split == .test], last.clouds != clouds,
            opening.startsFrom <= last.round
        {
            throw refuse(
                "it asks for scores of an adapter that round \(last.round) may have asked \(named(last.clouds)) about, now of \(named(clouds)): sums over different clouds can be subtracted from each other; after another update it is answered"
            )
        }
        if opening.purpose == .update, let newestUpdate, opening.startsFrom < newestUpdate {
            throw refuse(
                "it starts from round \(opening.startsFrom) again, though round \(newestUpdate) has been released: two sums from one adapter can be subtracted from each other"
            )
        }
    }

    private func named(_ cohort: [Member]) -> String { named(Set(cohort.map(\.cloud))) }

    private func named(_ clouds: Set<CloudName>) -> String {
        clouds.sorted().map(\.description).joined(separator: ", ")
    }
}

extension Release {
    /// Whether an evaluation's figures are of the test split: they are named so.
    fileprivate var isOfTest: Bool { metrics.keys.contains { $0.hasPrefix("test_") } }
}
