import Aggregation
import Encryption
import Federation
import Monitoring
import StageKit

// A round that is summed over some of those who are there (`CloudSelection`).
extension AggregateStage {
    /// Adds the contributions of the selection up anew: what is in the product cannot be taken out of it.
    func hold(to selection: CloudSelection) throws {
        guard var round = current, let adding = round.adding else { return }
        round.gathering.hold(to: selection)
        round.contributions = round.contributions.filter { selection.clouds.contains($0.key) }
        current = round
        tell(selection, of: round.opening.content.round)
        addAnew(instead: adding, checking: .sum)
    }

    /// Puts another product in the place of the round's: of the contributions that it has now, without those that are refused.
    func addAnew(instead adding: Adding, checking: InverseCheck) {
        guard let contributions = current?.contributions else { return }
        isAdding = true
        context.begin { [self] in
            try await addAnew(contributions, instead: adding, checking: checking)
            try addNext()
            try closeIfDue()
        }
    }

    private func addAnew(
        _ contributions: [CloudName: Arrival], instead adding: Adding, checking: InverseCheck
    ) async throws {
        defer { isAdding = false }
        let fresh = Adding(adding.scheme, checking: checking)
        let payloads = contributions.sorted { $0.key < $1.key }.map { (cloud: $0.key, payload: $0.value.payload) }
        let threads = configuration.threads
        let (faults, seconds) = try await context.offload {
            let clock = ContinuousClock()
            let start = clock.now
            var faults: [(cloud: CloudName, error: EncryptionError)] = []
            for (cloud, payload) in payloads {
                do {
                    try payload.withBytes {
                        try fresh.accumulator.add($0, sealing: fresh.scheme.scheme.sealing, threads: threads)
                    }
                } catch let error as EncryptionError { faults.append((cloud, error)) }
            }
            return (faults, clock.now - start)
        }
        // A round that has ended meanwhile has let go of its product.
        guard var now = current, now.adding === adding else { return }
        now.adding = fresh
        now.addingTime += seconds
        now.gathering.drop(Set(faults.map(\.cloud)))
        for (cloud, error) in faults {
            now.contributions[cloud] = nil
            context.log.tell(
                .refused(.contribution), round: now.opening.content.round,
                [.from: .name(cloud), .reason: .text("counted, and left out of the sum again: \(error)")])
        }
        current = now
    }

    func tell(_ selection: CloudSelection, of round: RoundNumber) {
        guard !selection.leftOut.isEmpty else { return }
        context.log.tell(
            .roundHeld, round: round,
            [
                .cohort: .list(selection.clouds.sorted().map { .name($0) }),
                .heldBy: .list(selection.heldBy.map { .name($0) }),
                .leftOut: .list(selection.leftOut.map { .name($0) }), .reason: .text(selection.reason),
            ])
    }
}
