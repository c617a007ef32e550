import Aggregation
import Encryption
import Federation
import Monitoring
import Sodium
import StageKit

// The masks of a round (`suite: secagg`): aggregate hands documents round, and names who is in each phase. All that it names
// is in its journal before it is sent, and what came is, before it is receipted: after a restart it goes on where it was.
extension AggregateStage {
    /// What was named in the round that is open, by kind: one of each, the next round's takes its place.
    private static func fact<Content: Declaration>(_: Content.Type) -> String { "masks/\(Content.kind)" }

    func makeMasks(for opening: Signed<Opening>) throws -> MaskedGathering? {
        guard opening.content.suite == .secagg else { return nil }
        return try MaskedGathering(
            opening, publisher: context.publisher, signers: context.identity.keys,
            now: context.publisherClock?.time(context.surroundings.now))
    }

    // MARK: Arrivals

    func verdict(onMasks offer: Offer, from sender: StageName) -> Verdict {
        let name = offer.name
        let isPublishers = sender == context.publisher && name.kind == .advertisement
        let isClouds =
            sender.kind == .encrypt && [.advertisement, .shares, .consent, .withdrawal].contains(name.kind)
        guard isPublishers || isClouds, name.cloud == sender.cloud, name.part == 0 else {
            return .refuse("\(sender) may not send \(name) here")
        }
        guard let current else { return .later }
        let opening = current.opening.content
        guard name.round == opening.round else {
            return name.round > opening.round ? .later : .refuse("round \(name.round) is over")
        }
        guard let masks = current.masks, !masks.isOver else {
            return .refuse("round \(opening.round) takes no documents of masks")
        }
        do {
            guard try OpeningAbout(offer.about).opening == current.opening.digest else {
                return .refuse("it answers another opening of round \(opening.round)")
            }
        } catch { return .refuse("\(error)") }
        guard offer.byteCount <= Payload.inlineLimit else { return .refuse("\(offer.byteCount) bytes are too many") }
        return .check
    }

    func arrived(ofMasks arrival: Arrival) async throws {
        let name = arrival.offer.name
        guard var masks = current?.masks, name.round == current?.opening.content.round else {
            return try context.refuse(arrival, "its round is over")
        }
        do {
            try masks.take(arrival, key: context.identity.key)
            try await context.keep(arrival)
            // Durable, so it counts; what has happened meanwhile counts too.
            guard current?.opening.content.round == name.round else { return }
            try current?.masks?.take(arrival, key: context.identity.key)
        } catch  where error is MaskingError || error is FederationError {
            context.log.tell(
                .masksRefused, round: name.round,
                [.from: .text("\(arrival.peer)"), .what: .text(name.kind.rawValue), .reason: .text("\(error)")])
            return try context.refuse(arrival, "\(error)")
        }
        if name.kind == .withdrawal { note(lossOf: name.cloud, reason: "it has lost its secrets of the round") }
        try conductMasks()
        try closeIfDue()
    }

    private func note(lossOf cloud: CloudName, reason: String) {
        guard let round = current?.opening.content.round else { return }
        context.log.tell(.cloudLost, round: round, [.from: .name(cloud), .reason: .text(reason)])
        expectMembers()
    }

    /// A cloud that will not go on from what it was sent is not waited for.
    func masksRefused(_ delivery: Delivery) throws {
        guard delivery.name.round == current?.opening.content.round, delivery.receiver.kind == .encrypt else { return }
        current?.masks?.lose(delivery.receiver.cloud)
        note(lossOf: delivery.receiver.cloud, reason: delivery.reason)
        try conductMasks()
        try closeIfDue()
    }

    // MARK: Phases

    /// Goes on with the masks as far as it can.
    func conductMasks() throws {
        while var masks = current?.masks, let opening = current?.opening {
            let step: MaskedGathering.Step
            do { step = try masks.step(now: lookAtClock()) } catch let error as MaskingError {
                masks.close()
                step = .shortfall(missing: [], reason: "\(error)")
            }
            current?.masks = masks
            switch step {
            case .wait: return
            case .roster(let roster, let selection):
                let parties = roster.advertisements.map(\.signer)
                try send(.roster, roster.payload, to: parties, of: opening) {
                    try $0.setFact(Self.fact(MaskRoster.self), roster.payload)
                }
                tell(.masksRoster, opening, parties)
                tell(selection, of: opening.content.round)
            case .agreement(let dealing):
                try agree()
                let clouds = masks.expected.sorted().map { StageName(cloud: $0, kind: .encrypt) }
                try send(.agreement, dealing.payload, to: clouds + [context.publisher], of: opening) {
                    try $0.setFact(Self.fact(MaskAgreement.self), dealing.agreement.payload)
                }
                tell(.masksAgreed, opening, dealing.agreement.members.map(\.stage))
            case .consents(let consents):
                try send(.consents, consents.payload, to: consents.consents.map(\.content.stage), of: opening)
                tell(.masksConsented, opening, consents.consents.map(\.content.stage))
            case .shortfall(let missing, let reason):
                current?.gathering.close()
                try tellShortfall(of: opening, missing: missing, reason: reason)
            }
        }
    }

    private func tell(_ event: EventKind, _ opening: Signed<Opening>, _ stages: [StageName]) {
        context.log.tell(
            event, round: opening.content.round, [.cohort: .list(stages.map { .name($0.cloud) })])
    }

    private func send(
        _ kind: TransferKind, _ bytes: [UInt8], to receivers: [StageName], of opening: Signed<Opening>,
        settling settle: (JournalEntry) throws -> Void = { _ in }
    ) throws {
        try context.send(
            departures(kind, bytes, to: receivers, of: opening), settling: settle)
    }

    private func departures(
        _ kind: TransferKind, _ bytes: [UInt8], to receivers: [StageName], of opening: Signed<Opening>
    ) throws -> [Departure] {
        let name = name(kind, opening.content.round)
        let payload = try context.spool(bytes, for: name)
        let offer = context.offer(
            name, payload: payload, digest: Digest(ofContent: bytes), about: OpeningAbout(opening: opening.digest))
        return receivers.map { Departure(offer: offer, receiver: $0, payload: payload) }
    }

    /// From here contributions are taken: the clouds have agreed on masks.
    private func agree() throws {
        guard let opening = current?.opening, let members = current?.masks?.members else { return }
        let slots = try SlotLayout(bits: opening.content.bits, cohort: opening.content.cohort.count)
        let masked = MaskedScheme(agreement: members.digest, layout: opening.content.sealed, slots: slots)
        current?.adding = Adding(try RoundScheme(opening.content, key: nil, masks: masked))
        expectMembers()
    }

    private func expectMembers() {
        guard let masks = current?.masks, let members = masks.members else { return }
        current?.gathering.expect(
            .init(
                clouds: masks.expected, agreement: members.digest, needed: masks.needed, leftOut: masks.leftOut))
    }

    /// The end of the contributions: who survives is sent word of it, and so is publish, with the sum.
    func naming(
        _ survivors: MaskSurvivors, of opening: Signed<Opening>
    ) throws -> (departures: [Departure], settle: (JournalEntry) throws -> Void) {
        let receivers = survivors.survivors.map(\.stage) + [context.publisher]
        return (
            try departures(.survivors, survivors.payload, to: receivers, of: opening),
            { try $0.setFact(Self.fact(MaskSurvivors.self), survivors.payload) }
        )
    }

    // MARK: Restart and end

    /// Takes up what the journal has of the masks of the open round.
    func resumeMasks() throws {
        guard var masks = current?.masks, let opening = current?.opening else { return }
        let (kept, sent) = try context.journal.read { entry in
            (
                try TransferKind.ofMasks.reduce(into: [:]) { $0[$1] = try entry.held($1) },
                try entry.hasDeparture(name(.consents, opening.content.round))
            )
        }
        func replay(_ kind: TransferKind) throws {
            for arrival in kept[kind] ?? [] where arrival.offer.name.round == opening.content.round {
                try masks.take(arrival, key: context.identity.key)
            }
        }
        func named<Content: Declaration>(_ type: Content.Type, _ body: (Content) throws -> Void) throws {
            guard let bytes = try context.journal.read({ try $0.fact(Self.fact(type)) }) else { return }
            let document = try Content(payload: bytes)
            if document.run == context.run { try body(document) }
        }
        try replay(.withdrawal)
        try replay(.advertisement)
        try named(MaskRoster.self) { if $0.opening == opening.digest { try masks.adopt($0) } }
        try replay(.shares)
        try named(MaskAgreement.self) { if $0.opening == opening.digest { try masks.adopt($0) } }
        try named(MaskSurvivors.self) { if $0.opening == opening.digest { try masks.adopt($0) } }
        try replay(.consent)
        if sent { masks.noteConsentsOut() }
        current?.masks = masks
        if masks.members != nil { try agree() }
    }

    /// The round is over: nobody needs its documents any more.
    func leaveMasks(_ opening: Opening) throws {
        guard opening.suite == .secagg else { return }
        let receivers = opening.cohort.map { StageName(cloud: $0.cloud, kind: .encrypt) } + [context.publisher]
        for kind in TransferKind.ofMasks {
            for receiver in receivers { try context.cancel(name(kind, opening.round), to: receiver) }
        }
        try context.journal.note { entry in
            for kind in TransferKind.ofMasks {
                for arrival in try entry.held(kind) where arrival.offer.name.round <= opening.round {
                    try entry.settle(arrival.offer.name)
                }
            }
        }
    }
}

extension MaskedGathering {
    fileprivate mutating func take(_ arrival: Arrival, key: (StageName) throws -> any SignatureVerifier) throws {
        let payload = try arrival.payload.read()
        switch arrival.offer.name.kind {
        case .withdrawal: lose(arrival.offer.name.cloud)
        case .advertisement: try take(Signed<MaskAdvertisement>(payload: payload, of: arrival.peer, key: key))
        case .shares: try take(Signed<MaskShares>(payload: payload, of: arrival.peer, key: key))
        default: try take(Signed<MaskConsent>(payload: payload, of: arrival.peer, key: key))
        }
    }
}
