package import Federation
import FineTuning
import Monitoring
import Sodium
import StageKit

/// An update that has been trained under a pace that takes late ones, and is kept until it is known to have counted.
package struct HeldUpdate: Sendable {
    /// The round that it was trained for.
    package let base: RoundNumber
    /// The round that it was handed over for last; nil for none yet.
    package var offeredFor: RoundNumber?
    /// What it was trained with, and clipped to.
    package let steps: Int
    package let clipNorm: Double

    package init(base: RoundNumber, offeredFor: RoundNumber?, steps: Int, clipNorm: Double) {
        self.base = base
        self.offeredFor = offeredFor
        self.steps = steps
        self.clipNorm = clipNorm
    }

    package var bytes: [UInt8] {
        Array("\(base.value) \(offeredFor?.value ?? 0) \(steps) \(clipNorm.bitPattern)".utf8)
    }

    package init(bytes: [UInt8]) throws {
        let numbers = String(decoding: bytes, as: UTF8.self).split(separator: " ").compactMap { UInt64($0) }
        guard numbers.count == 4, let base = UInt32(exactly: numbers[0]), let offered = UInt32(exactly: numbers[1]),
            let steps = Int(exactly: numbers[2])
        else { throw StageError.journal("the journal's note of a late update is damaged") }
        self.init(
            base: RoundNumber(base), offeredFor: offered > 0 ? RoundNumber(offered) : nil, steps: steps,
            clipNorm: Double(bitPattern: numbers[3]))
    }

    /// What it takes to be counted as an update of `opening`'s: its steps over those that it was trained with, where deltas count
    /// per step, and the norm that it must not exceed; nil where it is right as it is.
    package func change(for opening: Opening, cloud: CloudName) -> (scale: Double, clipNorm: Double)? {
        var scale = 1.0
        if let training = opening.training, training.pacing.mode == .balanced {
            scale = Double(training.steps(of: cloud)) / Double(max(1, steps))
        }
        guard scale != 1 || opening.clipNorm != clipNorm else { return nil }
        return (scale, opening.clipNorm)
    }
}

// An update that came late is kept, and handed to encrypt for the next opening that takes it, instead of a new one (docs/pace.md). There
// is one at most: a cloud trains again only once that one has counted, or cannot count any more.
extension LocalTrainStage {
    private static let heldFact = "held-update"

    private func heldName(_ base: RoundNumber) -> TransferName {
        TransferName(run: context.run, kind: .vector, round: base, cloud: context.stage.cloud, part: 3)
    }

    private func held(_ entry: JournalEntry) throws -> HeldUpdate? {
        try entry.fact(Self.heldFact).flatMap { $0.isEmpty ? nil : try HeldUpdate(bytes: $0) }
    }

    private func drop(_ held: HeldUpdate, _ entry: JournalEntry) throws {
        try entry.settleDeparture(
            heldName(held.base), to: context.stage, as: "used", reason: "it has counted, or cannot count any more")
        try entry.forgetDeparture(heldName(held.base), to: context.stage)
        try entry.setFact(Self.heldFact, [])
    }

    /// Keeps what has been trained for an opening under a pace, in the transaction that hands it over, or alone if its round is over.
    func hold(
        _ payload: Payload, digest: Digest, _ about: VectorAbout, of opening: Opening, isOffered: Bool,
        _ entry: JournalEntry
    ) throws {
        guard opening.purpose == .update, opening.pace != nil else { return }
        if let old = try held(entry) { try drop(old, entry) }
        let cloud = context.stage.cloud
        let held = HeldUpdate(
            base: opening.round, offeredFor: isOffered ? opening.round : nil,
            steps: opening.training?.steps(of: cloud) ?? 1, clipNorm: opening.clipNorm)
        let offer = context.offer(heldName(opening.round), payload: payload, digest: digest, about: about)
        try entry.keep(Departure(offer: offer, receiver: context.stage, payload: payload))
        try entry.setFact(Self.heldFact, held.bytes)
    }

    /// Keeps what was trained for a round that is over; false where it is of no use.
    func holdLate(
        _ payload: Payload, digest: Digest, _ about: VectorAbout, of opening: Opening,
        _ own: (payload: Payload, digest: Digest)?, _ signed: Signed<Opening>
    ) throws -> Bool {
        guard opening.purpose == .update, let pace = opening.pace else { return false }
        try payload.sync()
        try context.journal.write {
            try keep(own: own, of: signed, $0)
            try hold(payload, digest: digest, about, of: opening, isOffered: false, $0)
        }
        context.log.tell(.updateLate, round: opening.round, [.oldest: .number(pace.oldest)])
        return true
    }

    /// What has been kept and can be counted in an opening; what cannot any more is let go.
    func usable(for opening: Opening) throws -> HeldUpdate? {
        guard opening.purpose == .update, let held = try context.journal.read({ try held($0) }) else { return nil }
        let cloud = context.stage.cloud
        if held.base == opening.round {
            // What was handed over had been spoiled, and so has this, which is the same file.
            try letGo(held, "its file has been spoiled", opening)
            return nil
        }
        guard let pace = opening.pace else {
            try letGo(held, "round \(opening.round) takes no late updates", opening)
            return nil
        }
        if pace.recent.round(counting: held.base, of: cloud) != nil {
            // As it should be.
            try context.journal.note { try drop(held, $0) }
            return nil
        }
        let fault =
            pace.fault(inVectorOf: cloud, base: held.base, for: opening.round)
            ?? held.offeredFor.flatMap { pace.fault(inVectorOf: cloud, base: held.base, sealedFor: $0) }
        guard let fault else { return held }
        try letGo(held, fault, opening)
        return nil
    }

    private func letGo(_ held: HeldUpdate, _ reason: String, _ opening: Opening) throws {
        try context.journal.note { try drop(held, $0) }
        context.log.tell(
            .updateDropped, round: opening.round, [.base: .number(Int(held.base.value)), .reason: .text(reason)])
    }

    /// encrypt does not take it, and would not take it in another round.
    func refusedByEncrypt(_ round: RoundNumber, _ reason: String) throws {
        guard let held = try context.journal.read({ try held($0) }), held.offeredFor == round else { return }
        try context.journal.note { try drop(held, $0) }
        context.log.tell(
            .updateDropped, round: round, [.base: .number(Int(held.base.value)), .reason: .text(reason)])
    }

    /// Hands what was kept to encrypt for another opening.
    func handOver(_ held: HeldUpdate, for opening: Signed<Opening>, isCurrent: () -> Bool) async throws {
        let content = opening.content
        let (cloud, name) = (context.stage.cloud, try vector(content))
        let signer = try context.identity.everKey(of: context.stage)
        guard
            let kept = try context.journal.read({
                try $0.kept(heldName(held.base), by: context.stage, verifiedBy: signer)
            })
        else { return try letGo(held, "its file is not in the journal any more", content) }
        let said = try VectorAbout(kept.offer.content.about)
        let change = held.change(for: content, cloud: cloud)
        let made = try await context.offload { [context] () -> (payload: Payload, digest: Digest)? in
            // A loss of power may have taken it, or a part of it.
            let digest = kept.offer.content.digest
            guard kept.payload.count == content.layout.count * MemoryLayout<Float>.size, kept.payload.holds(digest)
            else { return nil }
            guard let change else {
                try kept.payload.sync()
                return (kept.payload, digest)
            }
            let values = try ClearVector.floats(kept.payload.read()).map { Float(Double($0) * change.scale) }
            let delta = AdapterDelta(values: values)
            let writer = context.payloadWriter(for: name)
            try (change.clipNorm > 0 ? delta.clipped(to: change.clipNorm) : delta).values.withUnsafeBytes(
                writer.append)  // this platform is little-endian
            return try writer.finish()
        }
        guard let made else { return try letGo(held, "its file has been spoiled", content) }
        guard isCurrent() else {
            if change != nil { context.discard(made.payload) }
            return
        }
        let offer = context.offer(
            name, payload: made.payload, digest: made.digest,
            about: VectorAbout(
                opening: opening.digest, records: said.records, trained: said.trained, base: held.base))
        var offered = held
        offered.offeredFor = content.round
        try context.send([Departure(offer: offer, receiver: encrypt, payload: made.payload)]) {
            try $0.setFact(Self.heldFact, offered.bytes)
        }
        let staleness = content.staleness(of: held.base)
        context.log.tell(
            .updateOffered, round: content.round,
            [
                .base: .number(Int(held.base.value)), .staleness: .number(staleness),
                .discount: .real(content.pace?.factor(ofStaleness: staleness) ?? 1),
            ])
    }
}

extension Payload {
    /// Whether its bytes are there, and those of a digest.
    fileprivate func holds(_ digest: Digest) -> Bool {
        do { return try withBytes { Digest(ofContent: $0) } == digest } catch { return false }
    }
}
