import Encryption
import Federation
import Monitoring
import Sodium
import StageKit

/// A released adapter's values as they lie here.
struct HeldAdapter: Sendable {
    let digest: Digest
    let payload: Payload
}

// Adapters come whole, or as the values that an update has changed; either way the whole lies here before a round starts from it.
extension LocalTrainStage {
    /// The rounds of the adapters that were put together here, whose files the journal keeps as it keeps payloads that leave.
    private static let changedFact = "changed-adapters"

    private func wholeName(_ round: RoundNumber) -> TransferName {
        TransferName(run: context.run, kind: .adapter, round: round, cloud: context.stage.cloud)
    }

    private func changedRounds(_ entry: JournalEntry) throws -> [RoundNumber] {
        String(decoding: try entry.fact(Self.changedFact) ?? [], as: UTF8.self).split(separator: " ")
            .compactMap { UInt32($0) }.map { RoundNumber($0) }
    }

    /// After a restart; those that came whole are given to the stage again.
    func takeUpAdapters() throws {
        let signer = try context.identity.everKey(of: context.stage)
        let kept = try context.journal.read { entry in
            try changedRounds(entry).compactMap {
                try entry.kept(wholeName($0), by: context.stage, verifiedBy: signer)
            }
        }
        for departure in kept {
            let offer = departure.offer.content
            adapters[offer.name.round] = HeldAdapter(digest: offer.digest, payload: departure.payload)
        }
    }

    /// Lets go of all but the newest two.
    func forgetAdapters() throws {
        let newest = Set(adapters.keys.sorted().suffix(2))
        guard adapters.count > newest.count else { return }
        adapters = adapters.filter { newest.contains($0.key) }
        let old = try context.journal.read { try $0.held(.adapter) }.filter { !newest.contains($0.offer.name.round) }
        try context.journal.note { entry in
            for arrival in old { try entry.settle(arrival.offer.name) }
            let changed = try changedRounds(entry)
            for round in changed where !newest.contains(round) {
                try entry.settleDeparture(
                    wholeName(round), to: context.stage, as: "used", reason: "there are newer ones")
            }
            let left = changed.filter(newest.contains)
            if left != changed { try entry.setFact(Self.changedFact, Self.bytes(left)) }
        }
    }

    private static func bytes(_ rounds: [RoundNumber]) -> [UInt8] {
        Array(rounds.map(\.description).joined(separator: " ").utf8)
    }

    private func opening(of round: RoundNumber) throws -> Opening? {
        let key = try context.identity.everKey(of: context.publisher)
        return try context.journal.read {
            try $0.document(Opening.self, round: round, key: key, signer: context.publisher)?.content
        }
    }

    /// Nil for an adapter that comes whole.
    func verdict(onChange offer: Offer) throws -> Verdict? {
        guard let change = try AdapterAbout(offer.about).change else { return nil }
        guard change.from.value == 0 || adapters[change.from] != nil else {
            return .over("it changes the adapter of round \(change.from), which is not here: the whole one is needed")
        }
        guard let opening = try opening(of: offer.name.round) else {
            return .over("round \(offer.name.round) is not known here: the whole adapter is needed")
        }
        let expected: Int
        if let sums = change.sums {
            guard let row = try SumRow(opening, contributions: sums.contributions) else {
                return .refuse("round \(offer.name.round) is none whose sums an adapter can be made of")
            }
            expected = row.byteCount
        } else {
            guard let places = try trainer.places(opening) else {
                return .refuse("round \(offer.name.round) has changed all values: sums, or the whole adapter")
            }
            expected = places.count * MemoryLayout<Float>.size
        }
        guard offer.byteCount == expected else {
            return .refuse("\(offer.byteCount) bytes, what round \(offer.name.round) has changed takes \(expected)")
        }
        return .borrow
    }

    private enum Made {
        case adapter(HeldAdapter)
        case nothing(String)
    }

    /// Puts a whole adapter together, and receipts the change once that is on the disk.
    func change(by arrival: Arrival) throws {
        let round = arrival.offer.name.round
        guard let change = try AdapterAbout(arrival.offer.about).change, let opening = try opening(of: round),
            change.from.value == 0 || adapters[change.from] != nil
        else { return try context.refuse(arrival, "what it changes is not here: the whole adapter is needed") }
        let old = StartingAdapter(payload: try adapters[change.from]?.payload.opened())
        let name = wholeName(round)
        context.begin { [self] in
            let made = try await context.offload { [context, trainer] () -> Made in
                let writer = context.payloadWriter(for: name, isSynced: false)
                if let fault = try change.apply(
                    to: old, untrained: { try trainer.untrained(opening) }, of: opening, at: trainer.places(opening),
                    arrival.payload, writer.append)
                {
                    writer.discard()
                    return .nothing(fault)
                }
                let (payload, digest) = try writer.finish()
                guard digest == change.whole else {
                    payload.discard()
                    return .nothing("with this it is not the adapter that was released")
                }
                return .adapter(HeldAdapter(digest: digest, payload: payload))
            }
            guard case .adapter(let made) = made else {
                guard case .nothing(let fault) = made else { return }
                return try context.refuse(arrival, fault)
            }
            // Training starts at once, as with an adapter that comes whole.
            adapters[round] = made
            try beginIfReady()
            try await context.offload { try made.payload.sync() }
            let offer = context.offer(
                name, payload: made.payload, digest: made.digest, about: OpeningAbout(opening: arrival.offer.digest))
            try context.journal.write { entry in
                try entry.spend(arrival)
                try entry.keep(Departure(offer: offer, receiver: context.stage, payload: made.payload))
                try entry.setFact(Self.changedFact, Self.bytes(try changedRounds(entry) + [round]))
            }
            context.acknowledge(arrival)
            try forgetAdapters()
        }
    }

    /// Throws where ranges or places of a compressed update are not what the adapters that lie here make them.
    func check(_ opening: Opening, _ start: StartingAdapter) async throws {
        guard let plan = opening.compression, let since = plan.since else { return }
        guard since.value == 0 || adapters[since] != nil else { return }  // come since: the others look
        let before = StartingAdapter(payload: try adapters[since]?.payload.opened())
        let fault = try await context.offload { [trainer] () -> String? in
            var values = (before: try before.values(), after: try start.values())
            if values.before.isEmpty { values.before = try trainer.untrained(opening) }
            if values.after.isEmpty { values.after = try trainer.untrained(opening) }
            guard values.before.count == opening.layout.count, values.after.count == opening.layout.count else {
                return "its layout is not that of the adapter"
            }
            return try plan.fault(in: opening.layout, after: ReleasedStep(from: values.before, to: values.after))
        }
        if let fault { throw StageError.configuration("round \(opening.round): \(fault)") }
    }
}

extension AdapterAbout.Change {
    /// Makes the adapter after its round of the one before.
    ///
    /// - Parameters:
    ///   - untrained: the values that a run begins with.
    ///   - append: is given the new values from front to back, as little-endian f32.
    /// - Returns: why that cannot be; nil once it is done.
    fileprivate func apply(
        to old: StartingAdapter, untrained: () throws -> [Float], of opening: Opening, at places: ValueMask?,
        _ payload: Payload, _ append: (UnsafeRawBufferPointer) throws -> Void
    ) throws -> String? {
        guard let sums else {
            var values = try old.payload?.floats() ?? untrained()
            let changed = try ClearVector.floats(payload.read())
            guard let places, values.count == places.values, changed.count == places.count else {
                return "it is not as long as the adapter that it changes"
            }
            for (place, value) in zip(places.places, changed) { values[place] = value }
            try values.withUnsafeBytes(append)  // this platform is little-endian
            return nil
        }
        let first = old.payload == nil ? try untrained() : []
        let count = old.payload.map { $0.count / 4 } ?? first.count
        do {
            guard let training = opening.training, let row = try SumRow(opening, contributions: sums.contributions)
            else { return "its round is none whose sums an adapter can be made of" }
            let step = try OuterStep(training.outer, totalWeight: sums.totalWeight)
            try payload.withBytes { bytes in
                try row.step(
                    over: count, at: places, by: step, bytes,
                    before: { try old.payload?.floats($0) ?? Array(first[$0]) },
                    after: { try $0.withUnsafeBytes(append) })
            }
            return nil
        } catch  where error is EncryptionError || error is FederationError {
            return "\(error)"
        }
    }
}
