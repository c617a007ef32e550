/// Which clouds are summed together in a run, as one cloud knows it from the documents that publish has signed.
///
/// Statistics and scores are sums over data that stay the same, and updates from one adapter are alike whenever they are
/// made: two such sums over different clouds, one subtracted from the other, are what the difference of clouds contributed.
/// Publish's plan asks for no such pair; a cloud that keeps this history answers none, whatever publish asks.
package struct CohortHistory: Sendable {
    /// Why an opening is not answered, or a release is not what was announced.
    package struct Fault: Error, Equatable, CustomStringConvertible {
        package let description: String
    }

    private let clouds: Set<CloudName>
    /// As the released statistics have them.
    private var weights: [CloudName: UInt32]?
    private var newest: RoundNumber?
    private var newestUpdate: RoundNumber?
    private var hasSensitivities = false
    private var fault: Fault?

    /// - Parameter clouds: the clouds with data of the topology.
    package init(clouds: some Sequence<CloudName>) { self.clouds = Set(clouds) }

    /// Remembers a release. Throws once for one that should not have been; from then on no opening is answered.
    package mutating func note(_ release: Release) throws(Fault) {
        newest = max(newest ?? release.round, release.round)
        switch release.purpose {
        case .update: newestUpdate = max(newestUpdate ?? release.round, release.round)
        case .statistics, .sensitivity, .evaluation:
            if release.purpose == .sensitivity { hasSensitivities = true }
            if release.purpose == .statistics, weights == nil {
                weights = Dictionary(release.cohort.map { ($0.cloud, $0.weight) }) { first, _ in first }
            }
            guard Set(release.cohort.map(\.cloud)) != clouds else { return }
            let fault = Fault(
                description:
                    "round \(release.round) (\(release.purpose)) was released over \(named(release.cohort)), the federation is \(named(clouds)): sums over different clouds can be subtracted from each other"
            )
            self.fault = self.fault ?? fault
            throw fault
        }
    }

    /// Throws the reason for which a cloud with this history does not answer.
    package func check(_ opening: Opening) throws(Fault) {
        if let fault { throw fault }
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
            for member in opening.cohort where weights[member.cloud] != member.weight {
                throw refuse(
                    "it gives \(member.cloud) weight \(member.weight), the released statistics \(weights[member.cloud] ?? 0)"
                )
            }
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
