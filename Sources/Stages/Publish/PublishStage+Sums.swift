import Aggregation
import Encryption
import Federation
import Monitoring
import Publication
import StageKit
import Topology

// What comes in for a round, until its sum can be opened.
extension PublishStage {
    func arrived(_ arrival: Arrival) async throws {
        let name = arrival.offer.name
        guard let current, name.round == current.content.round else {
            return try context.refuse(arrival, "round \(name.round) is not open")
        }
        if arrival.peer.kind == .aggregate, case .unseated(let reason) = try standing(of: arrival.peer, name) {
            // It was taken before the round was moved.
            return try context.refuse(arrival, reason)
        }
        switch name.kind {
        case .shortfall:
            guard !isOpening else { return }
            let about = try ShortfallAbout(arrival.offer.about)
            try abandon(current, missing: about.missing, reason: about.reason, settling: name)
        case .record:
            do {
                let record = try RoundRecord(bytes: try arrival.payload.read())
                _ = try record.contributions(to: current, key: context.identity.key)
                closing.take(record: arrival, record)
            } catch {
                context.log.tell(.refused(.record), round: name.round, [.reason: .text("\(error)")])
                try context.refuse(arrival, "\(error)")
            }
        case .share: closing.take(share: arrival)
        case .sum:
            closing.take(sum: arrival)
            expectation?.summed = context.surroundings.now
            if needsHelp { sharesBy = context.surroundings.now + configuration.deadline }
        default: try arrived(ofMasks: arrival)
        }
        guard self.current?.digest == current.digest else { return }
        try openIfClosed(current)
    }

    /// Clouds must send something before the sum can be opened.
    var needsHelp: Bool { opener.needsShares || unmasking != nil }

    /// Opens the sum once everything that it takes is here.
    func openIfClosed(_ current: Signed<Opening>) throws {
        guard !isOpening, let (sum, record) = closing.closed else { return }
        if let unmasking, !unmasking.isSufficient { return }
        do {
            let about = try SumAbout(sum.offer.about)
            try record.check(about, digest: sum.offer.digest)
            try unmasking?.check(about, record.contributions(to: current, key: context.identity.key))
        } catch {
            context.log.tell(.sumUnusable, round: current.content.round, [.reason: .text("\(error)")])
            return try abandon(
                current, missing: [], reason: "aggregate's record is not of its sum: \(error)", settling: sum.offer.name
            )
        }
        guard !opener.needsShares || closing.shares.count >= opener.threshold else { return }
        isOpening = true
        context.begin { [self] in
            try await open(sum, of: current)
            isOpening = false
            if !isDone, self.current == nil { try tryAgain() }
        }
    }

    /// The clouds' shares that were found to be right, enough of them; nil while there are too few, or if none can come any
    /// more, and then the round has been given up.
    func verifiedShares(of sum: Arrival, _ opening: Signed<Opening>) async throws -> [SumOpener.Share]? {
        guard opener.needsShares else { return [] }
        let (opener, threads) = (opener, configuration.threads)
        var verified: [SumOpener.Share] = []
        for (cloud, share) in closing.shares.sorted(by: { $0.key < $1.key }) where verified.count < opener.threshold {
            let began = ContinuousClock.now
            do {
                verified.append(
                    try await context.offload { try opener.verify(share, of: opening, sum: sum, threads: threads) })
                context.log.tell(
                    .shareVerified, round: opening.content.round,
                    [
                        .from: .name(cloud), .bytes: .number(share.payload.count),
                        .seconds: .seconds(ContinuousClock.now - began),
                    ])
            } catch  where error is ThresholdError || error is RoundFault || error is FederationError {
                context.log.tell(
                    .refused(.share), round: opening.content.round, [.from: .name(cloud), .reason: .text("\(error)")])
                closing.refuse(shareOf: cloud)
                try context.refuse(share, "\(error)")
            }
        }
        guard verified.count < opener.threshold else { return verified }
        if opening.content.cohort.count - closing.refused.count < opener.threshold {
            try abandon(
                opening, missing: closing.refused.sorted(),
                reason: "too few clouds sent a right share of the sum: \(opener.threshold) are needed",
                settling: sum.offer.name)
        }
        return nil
    }
}
