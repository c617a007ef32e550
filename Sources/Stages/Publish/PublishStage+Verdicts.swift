import Encryption
import Federation
import StageKit
import Topology

// What publish takes, and from whom.
extension PublishStage {
    func verdict(on offer: Offer, from sender: StageName) -> Verdict {
        let name = offer.name
        let isAggregates = sender.kind == .aggregate && name.cloud == sender.cloud
        let isClouds = sender.kind == .encrypt && name.cloud == sender.cloud && name.part == 0
        guard
            (isAggregates && [.sum, .record, .shortfall].contains(name.kind))
                || (isAggregates && Self.masksOfAggregate.contains(name.kind))
                || (isClouds && name.kind == .share && opener.needsShares)
                || (isClouds && name.kind == .disclosure)
        else { return .refuse("\(sender) may not send \(name) here") }
        guard let current else {
            // Before the next attempt: what comes is of a round that was given up.
            let reason = "no round is open"
            return retryBy == nil ? .refuse(reason) : .over(reason)
        }
        guard name.round == current.content.round else {
            let reason = "round \(name.round) is not open, round \(current.content.round) is"
            return name.round < current.content.round ? .over(reason) : .refuse(reason)
        }
        do {
            switch isAggregates ? try standing(of: sender, name) : .seated {
            case .seated: break
            case .unknown: return .later
            case .unseated(let reason): return .refuse(reason)
            }
            switch name.kind {
            case .shortfall:
                return try ShortfallAbout(offer.about).opening == current.digest
                    ? .take : .refuse("it is about another opening")
            case .record: return try verdict(onRecord: offer, current)
            case .share: return try verdict(onShare: offer, current)
            case .sum: return try verdict(onSum: offer, current)
            default: return try verdict(onMasks: offer, current)
            }
        } catch { return .refuse("\(error)") }
    }

    private func verdict(onRecord offer: Offer, _ current: Signed<Opening>) throws -> Verdict {
        guard try OpeningAbout(offer.about).opening == current.digest else {
            return .refuse("it is about another opening")
        }
        guard offer.byteCount <= RoundRecord.maximumByteCount else {
            return .refuse("\(offer.byteCount) bytes, a record has at most \(RoundRecord.maximumByteCount)")
        }
        return closing.record == nil ? .borrow : .later
    }

    private func verdict(onShare offer: Offer, _ current: Signed<Opening>) throws -> Verdict {
        guard try ShareAbout(offer.about).opening == current.digest else {
            return .refuse("it answers another opening")
        }
        guard current.content.member(offer.name.cloud) != nil else {
            return .refuse("\(offer.name.cloud) is not in the cohort of round \(current.content.round)")
        }
        let expected = try opener.shareByteCount(of: current.content)
        guard offer.byteCount == expected else {
            return .refuse("\(offer.byteCount) bytes, a share of round \(current.content.round) has \(expected)")
        }
        return .check
    }

    private func verdict(onSum offer: Offer, _ current: Signed<Opening>) throws -> Verdict {
        let opening = current.content
        let sum = try SumAbout(offer.about)
        guard sum.opening == current.digest else { return .refuse("it answers another opening") }
        guard sum.parts.count >= opening.minimumCohort, sum.parts.count >= opening.quorum else {
            return .refuse(
                "a sum of \(sum.parts.count) clouds: at least \(max(opening.minimumCohort, opening.quorum)) must be in it"
            )
        }
        for part in sum.parts where opening.member(part.cloud) == nil {
            return .refuse("\(part.cloud) is not in the cohort of round \(opening.round)")
        }
        let masked = try unmasking.map { try $0.sumByteCount(of: opening) }
        guard let expected = try masked ?? opener.sumByteCount(of: opening) else { return .later }
        guard offer.byteCount == expected else {
            return .refuse("\(offer.byteCount) bytes, the sum of round \(opening.round) has \(expected)")
        }
        return .take
    }
}
