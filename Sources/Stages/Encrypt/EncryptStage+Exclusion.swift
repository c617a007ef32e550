import Federation
import Monitoring
import StageKit

// What a cloud makes of a release that it is not in.
extension EncryptStage {
    /// Aggregate has signed for a contribution: then it is in the sum, or the cloud is told that it was left out, and by whose word.
    func lookForOwn(in release: Release) throws {
        let cloud = context.stage.cloud
        let clouds = release.cohort.map(\.cloud)
        let isReceipted = try context.journal.read {
            try $0.departureState(contribution(release.round), to: aggregate) == "durable"
        }
        let opening = try context.latestOpening().flatMap { $0.digest == release.opening ? $0.content : nil }
        let said = try opening.flatMap { try helped(before: $0) }
        if opening != nil, release.heldBy.contains(cloud), said?.clouds != clouds {
            context.log.tell(
                .wordInvented, round: release.round,
                [
                    .cohort: .list(clouds.map { .name($0) }),
                    .reason: .text(
                        "the release says that the round was held to these clouds by this cloud's word, which it has not given: talk to whoever runs aggregate and publish"
                    ),
                ])
        }
        guard !clouds.contains(cloud), isReceipted || isWaitingForMasks(of: release.round) else { return }
        if let said, said.clouds != clouds {
            return tellLeftOut(
                of: release,
                "this cloud has helped to open a sum over \(said.named) in round \(said.round), and can help with no other from the same adapter"
            )
        }
        guard release.heldBy.isEmpty else {
            let names = release.heldBy.map(\.description).joined(separator: ", ")
            return tellLeftOut(
                of: release,
                "by the word of \(names): from this adapter they have helped to open a sum over the clouds of this one, in a round that was given up, and can help with no other"
            )
        }
        guard isReceipted else { return }
        context.log.tell(
            .contributionDropped, round: release.round,
            [.reason: .text("\(aggregate) receipted it, and it is not in the sum that was released")])
    }

    private func isWaitingForMasks(of round: RoundNumber) -> Bool {
        current?.opening.content.round == round && current?.masking?.awaited == .roster
    }

    private func tellLeftOut(of release: Release, _ reason: String) {
        context.log.tell(
            .leftOut, round: release.round,
            [
                .cohort: .list(release.cohort.map { .name($0.cloud) }),
                .heldBy: .list(release.heldBy.map { .name($0) }), .reason: .text(reason),
            ])
    }
}
