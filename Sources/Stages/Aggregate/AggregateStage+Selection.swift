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
        isAdding = true
        context.begin { [self, round] in
            try await addAnew(round, instead: adding)
            try addNext()
            try closeIfDue()
        }
    }

    private func addAnew(_ round: Round, instead adding: Adding) async throws {
        defer { isAdding = false }
        let fresh = Adding(adding.scheme)
        let payloads = round.contributions.sorted { $0.key < $1.key }.map(\.value.payload)
        let threads = configuration.threads
        // Each was checked when it came.
        let seconds = try await context.offload {
            try ContinuousClock().measure {
                for payload in payloads {
                    try payload.withBytes {
                        try fresh.accumulator.add($0, sealing: fresh.scheme.scheme.sealing, threads: threads)
                    }
                }
            }
        }
        // A round that has ended meanwhile has let go of its product.
        guard current?.adding === adding else { return }
        current?.adding = fresh
        current?.addingTime += seconds
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
