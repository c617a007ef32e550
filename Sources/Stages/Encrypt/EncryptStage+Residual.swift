import Encryption
import Federation
import Monitoring
import Sodium
import StageKit

/// What compression left out of an update, on its way into the journal.
struct KeptResidual: Sendable {
    let payload: Payload
    let digest: Digest
    let norm: Double

    init(_ values: [Float], _ writer: PayloadWriter) throws {
        norm = values.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
        try values.withUnsafeBytes(writer.append)  // this platform is little-endian
        (payload, digest) = try writer.finish()
    }
}

// What this cloud could not send of its updates, kept for the next one (docs/compression.md). There are two at most: the one that
// counts, and the one that was made with the contribution to the open round, in the same transaction. It counts once the round has
// been released with this cloud in it, and goes if it is given up, or released without it: what was sent has then moved nothing, and
// the delta behind it is one for an adapter that is no more.
extension EncryptStage {
    private static let residualFact = "residual"

    private struct Standing {
        /// The rounds that made them.
        var counted: RoundNumber?
        var pending: RoundNumber?

        var bytes: [UInt8] { Array("\(counted?.value ?? 0) \(pending?.value ?? 0)".utf8) }

        init(_ bytes: [UInt8]?) throws {
            guard let bytes else { return }
            let numbers = String(decoding: bytes, as: UTF8.self).split(separator: " ").compactMap { UInt32($0) }
            guard numbers.count == 2 else { throw StageError.journal("the journal's note of residuals is damaged") }
            counted = numbers[0] > 0 ? RoundNumber(numbers[0]) : nil
            pending = numbers[1] > 0 ? RoundNumber(numbers[1]) : nil
        }
    }

    nonisolated static func residualName(_ round: RoundNumber, _ cloud: CloudName, _ run: RunName) -> TransferName {
        TransferName(run: run, kind: .vector, round: round, cloud: cloud, part: 2)
    }

    private func residualName(_ round: RoundNumber) -> TransferName {
        Self.residualName(round, context.stage.cloud, context.run)
    }

    /// What is added to the update of an opening; nil where nothing was left out, or nothing that belongs to such an update.
    func residual(for opening: Opening) throws -> OpenPayload? {
        guard let plan = opening.compression, plan.feedback > 0 else { return nil }
        let signer = try context.identity.everKey(of: context.stage)
        let kept = try context.journal.read { entry -> Departure? in
            guard let round = try Standing(entry.fact(Self.residualFact)).counted else { return nil }
            return try entry.kept(residualName(round), by: context.stage, verifiedBy: signer)
        }
        guard let kept, kept.payload.count == opening.layout.count * MemoryLayout<Float>.size else { return nil }
        guard try kept.payload.withBytes({ Digest(ofContent: $0) }) == kept.offer.content.digest else {
            throw StageError.journal("the file of what was left out of an earlier update has been spoiled")
        }
        return try kept.payload.opened()
    }

    /// Goes into the journal with the contribution that left it out.
    func keep(_ left: KeptResidual?, of opening: Signed<Opening>, _ entry: JournalEntry) throws {
        let round = opening.content.round
        guard opening.content.purpose == .update else { return }
        var standing = try Standing(entry.fact(Self.residualFact))
        guard let left else {
            // Updates that leave nothing out, or keep nothing of it, have no use for what was left out of earlier ones.
            guard let old = standing.counted else { return }
            try drop(old, entry)
            standing.counted = nil
            return try entry.setFact(Self.residualFact, standing.bytes)
        }
        let offer = context.offer(
            residualName(round), payload: left.payload, digest: left.digest,
            about: OpeningAbout(opening: opening.digest))
        try entry.keep(Departure(offer: offer, receiver: context.stage, payload: left.payload))
        standing.pending = round
        try entry.setFact(Self.residualFact, standing.bytes)
    }

    /// Whether the opening starts from the adapter of the round whose contribution left something out, and this stage has not heard yet
    /// who was in it: publish says its newest update again to whoever asks, so the vector waits for that.
    func awaitsRelease(before opening: Opening) throws -> Bool {
        guard opening.purpose == .update else { return false }
        try settleResidual(before: opening)
        return try context.journal.read { try Standing($0.fact(Self.residualFact)).pending } == opening.startsFrom
    }

    private func drop(_ round: RoundNumber, _ entry: JournalEntry) throws {
        try entry.settleDeparture(
            residualName(round), to: context.stage, as: "used", reason: "it is of no use any more")
    }

    /// Decides on what was left out of the last contribution, once its round is over.
    ///
    /// - Parameter opening: of a later round, whose vector is to be sealed.
    func settleResidual(before opening: Opening? = nil) throws {
        let key = try context.identity.everKey(of: context.publisher)
        let publisher = context.publisher
        let newest =
            try context.releases().last { $0.content.purpose == .update }?.content.round ?? RoundNumber(0)
        let isLost = try context.journal.note { entry -> Bool in
            var standing = try Standing(entry.fact(Self.residualFact))
            guard let pending = standing.pending else { return false }
            let release = try entry.document(Release.self, round: pending, key: key, signer: publisher)
            let abandonment = try entry.document(Abandonment.self, round: pending, key: key, signer: publisher)
            var isLost = false
            if let release, release.content.cohort.contains(where: { $0.cloud == context.stage.cloud }) {
                if let old = standing.counted { try drop(old, entry) }
                standing.counted = pending
            } else if release != nil || abandonment != nil {
                try drop(pending, entry)
            } else if let opening, opening.round > pending, opening.startsFrom < pending {
                // It made no adapter: given up, and this stage has not heard of it.
                try drop(pending, entry)
            } else if newest > pending || opening.map({ $0.startsFrom > pending }) ?? false {
                // It was over while this stage was away: nobody says any more whether the contribution counted. What was left out may
                // have been sent with it, and must not be sent twice.
                if let old = standing.counted { try drop(old, entry) }
                try drop(pending, entry)
                standing.counted = nil
                isLost = true
            } else {
                return false
            }
            standing.pending = nil
            try entry.setFact(Self.residualFact, standing.bytes)
            return isLost
        }
        guard isLost else { return }
        context.log.tell(
            .residualDropped, round: max(newest, opening?.round ?? newest),
            [
                .reason: .text(
                    "this stage was away when its round ended, and cannot know whether its contribution counted: what it had left out is not sent any more"
                )
            ])
    }
}
