package import Federation
package import Monitoring
internal import Sodium

/// What a stage says to an offer.
package enum Verdict: Sendable, Equatable {
    case take
    /// Into memory, for the stage to answer (`StageContext.acknowledge`, `refuse`) once it has made of it what it keeps. A
    /// kill before that loses it, and the sender, not having been answered, offers it again.
    case borrow
    /// Into the spool, and to the stage before it is synced, for the stage to answer once it has checked the contents
    /// (`StageContext.keep`, `refuse`): nothing is receipted, and nothing is in the journal, before that. After a kill it is
    /// offered again, so what the stage makes of it earlier must be durable by itself, or repeatable.
    case check
    /// Never: the sender is told why and stops.
    case refuse(String)
    /// Never, and nobody is to blame: what it was for is over.
    case over(String)
    /// Not now (its round is not known yet, say): the sender will offer again.
    case later
}

/// All transfers of a stage, in both directions (docs/protocol.md, "Transfers"): offers are answered by wants, wants by
/// chunks, a whole and durable transfer by a signed receipt. Whatever is lost is offered again; whatever comes twice counts
/// once; a process that was killed goes on from its journal.
@StageActor
package final class Exchange {
    private struct Key: Hashable {
        let name: TransferName
        let receiver: StageName
    }

    private let identity: StageIdentity
    private let journal: Journal
    private let wires: any Wires
    private let surroundings: Surroundings
    private let log: EventLog
    private let complaints: Complaints
    private var sending: [Key: Sending] = [:]
    private var receiving: [TransferName: Receiving] = [:]
    /// Whole, and not answered yet: the stage looks at them.
    private var unanswered: [TransferName: Digest] = [:]
    private var goodput: LinkGoodput

    /// Transfers taken in at a time, over all senders.
    private static let concurrentArrivals = 64

    package init(
        identity: StageIdentity, journal: Journal, wires: any Wires, log: EventLog,
        surroundings: Surroundings = .machine
    ) {
        self.identity = identity
        self.journal = journal
        self.wires = wires
        self.surroundings = surroundings
        self.log = log
        complaints = Complaints(log, blame: wires.blame)
        goodput = LinkGoodput(log)
    }

    /// Takes up what a former instance left unsent.
    package func resume() throws {
        let own = try identity.everKey(of: identity.stage)
        let departures = try journal.read { try $0.sending(verifiedBy: own, of: identity.stage) }
        for signed in departures {
            // It may have been signed with keys that this stage had before.
            let departure = Departure(
                offer: signed.offer.signed(anew: identity.signing), receiver: signed.receiver, payload: signed.payload)
            if try isIntact(departure) { send(departure) } else { try giveUp(departure) }
        }
    }

    private func isIntact(_ departure: Departure) throws -> Bool {
        guard case .file = departure.payload else { return true }
        do {
            return try departure.payload.withBytes { Digest(ofContent: $0) } == departure.offer.content.digest
        } catch is StageError {
            return false  // not there, or too short
        }
    }

    /// Of a vector nothing is left, so that it is made anew; what else is lost was synced, and its disk has failed.
    private func giveUp(_ departure: Departure) throws {
        let name = departure.offer.content.name
        log.tell(
            .payloadLost,
            [
                .transfer: .text("\(name)"), .to: .name(departure.receiver),
                .reason: .text("its file is not what was signed: a loss of power, or a failing disk"),
            ])
        try journal.write {
            try $0.settleDeparture(name, to: departure.receiver, as: "lost", reason: "its file was spoiled")
            if name.kind == .vector { try $0.forgetDeparture(name, to: departure.receiver) }
        }
    }

    // MARK: Sending

    /// Starts to send what is already in the journal.
    package func send(_ departure: Departure) {
        let key = Key(name: departure.offer.content.name, receiver: departure.receiver)
        guard sending[key] == nil else { return }
        sending[key] = Sending(departure, now: surroundings.now)
        offerIfDue(key)
    }

    /// Stops sending a transfer that nobody needs any more.
    package func cancel(_ name: TransferName, to receiver: StageName) throws {
        guard let transfer = sending.removeValue(forKey: Key(name: name, receiver: receiver)) else { return }
        try settle(transfer.departure, as: "cancelled", reason: "superseded")
    }

    package func cancelAll() throws {
        for key in inOrder(sending.keys) { try cancel(key.name, to: key.receiver) }
    }

    /// Lost with the power, this is said again by the receiver when it is offered the transfer again.
    private func settle(_ departure: Departure, as state: String, reason: String) throws {
        try journal.note {
            try $0.settleDeparture(departure.offer.content.name, to: departure.receiver, as: state, reason: reason)
        }
    }

    private func offerIfDue(_ key: Key) {
        guard sending[key]?.isOfferDue(surroundings.now) == true, let chunks = sending[key]?.chunksOfOffer(),
            let transfer = sending[key]
        else { return }
        let offer = transfer.departure.offer
        do {
            let first = try chunks.first.map { try transfer.read(offer.content.chunkRange($0)) } ?? []
            dispatch(
                identity.message(.offer, document: offer.bytes, signature: offer.signature.bytes, bulk: first),
                to: key.receiver, counting: key)
            try sendChunks(chunks.dropFirst(), of: transfer, to: key)
        } catch {
            log.tell(.spoolUnreadable, [.transfer: .text("\(key.name)"), .reason: .text("\(error)")])
        }
    }

    private func sendChunks(_ chunks: Range<Int>, of transfer: Sending, to key: Key) throws {
        for index in chunks {
            let bytes = try transfer.read(transfer.offer.chunkRange(index))
            dispatch(
                identity.message(.chunk, transfer: key.name, first: index, bulk: bytes), to: key.receiver, counting: key
            )
        }
    }

    /// Through the PUSH that leads there if we dial it, as news under its own topic otherwise.
    private func dispatch(_ message: WireMessage, to receiver: StageName, counting key: Key? = nil) {
        if let key { sending[key]?.count(message.byteCount) }
        if identity.dials.contains(receiver) {
            wires.push(message, to: receiver)
        } else {
            wires.publish(message, topic: Topic.to(receiver))
        }
    }

    private func answerWant(_ message: WireMessage) {
        guard let name = message.transfer else { return }
        let key = Key(name: name, receiver: message.sender)
        guard let chunks = sending[key]?.wanted(first: message.first, end: message.end, now: surroundings.now),
            let transfer = sending[key]
        else { return }
        do {
            try sendChunks(chunks, of: transfer, to: key)
        } catch {
            log.tell(.spoolUnreadable, [.transfer: .text("\(name)"), .reason: .text("\(error)")])
        }
    }

    /// A receipt ends a transfer. Nil for one that says nothing new.
    private func takeReceipt(_ message: WireMessage) throws -> ExchangeEvent? {
        let receipt = try Signed<Receipt>(
            bytes: message.document, signature: message.signature, key: identity.key(of: message.sender),
            signer: message.sender.description
        ).content
        let key = Key(name: receipt.name, receiver: message.sender)
        guard receipt.run == identity.run, let transfer = sending[key], receipt.digest == transfer.offer.digest else {
            return nil
        }
        try settle(transfer.departure, as: receipt.outcome.rawValue, reason: receipt.reason)
        sending[key] = nil
        return .receipted(
            receipt.name, by: message.sender, outcome: receipt.outcome, reason: receipt.reason,
            wireBytes: transfer.wireBytes, offers: transfer.offers)
    }

    // MARK: Receiving

    private func takeOffer(_ message: WireMessage, accept: (Offer, StageName) -> Verdict) throws -> ExchangeEvent? {
        let signed = try Signed<Offer>(
            bytes: message.document, signature: message.signature, key: identity.key(of: message.sender),
            signer: message.sender.description)
        let offer = signed.content
        guard offer.maker == message.sender, offer.run == identity.run else {
            throw FederationError.malformed(
                place: "offer", "\(message.sender) offers what \(offer.maker) made in run \(offer.run)")
        }
        if let known = try journal.read({ try $0.arrivalState(offer.name) }) {
            if known.digest != offer.digest {
                answer(offer, to: message.sender, .refused, "\(offer.name) was received with another digest")
            } else {
                answer(offer, to: message.sender, known.state == .refused ? .refused : .durable, known.reason)
            }
            return nil
        }
        guard try !journal.read({ try $0.isForgotten(offer.name) }) else {
            answer(offer, to: message.sender, .refused, "round \(offer.name.round) is long over")
            return nil
        }
        if let digest = unanswered[offer.name] {
            if digest != offer.digest {
                answer(offer, to: message.sender, .refused, "\(offer.name) was received with another digest")
            }
            return nil
        }
        if let partial = receiving[offer.name] {
            if partial.offer.digest == offer.digest, partial.sender == message.sender {
                askForMore(offer.name)
            } else {
                answer(offer, to: message.sender, .refused, "\(offer.name) is being received with another digest")
            }
            return nil
        }
        let verdict = accept(offer, message.sender)
        switch verdict {
        case .later: return nil
        case .refuse(let reason):
            complaints.complain(
                .offerRefused, of: message.sender.description,
                [
                    .transfer: .text("\(offer.name)"), .from: .text("\(message.sender)"), .reason: .text(reason),
                ])
            answer(offer, to: message.sender, .refused, reason)
            return nil
        case .over(let reason):
            log.tell(
                .offerNotNeeded,
                [.transfer: .text("\(offer.name)"), .from: .name(message.sender), .reason: .text(reason)])
            answer(offer, to: message.sender, .refused, reason)
            return nil
        case .take, .borrow, .check: break
        }
        guard receiving.count < Self.concurrentArrivals else { return nil }
        let transfer = try Receiving(
            signed, sender: message.sender, spool: verdict == .borrow ? nil : journal.spool,
            isAnsweredByStage: verdict != .take, now: surroundings.now)
        if !message.bulk.isEmpty {
            let now = surroundings.now
            try transfer.takeFirst(message.bulk, now: now)
            if !transfer.isComplete { goodput.took(message.bulk.count, from: transfer.sender, now: now) }
        }
        receiving[offer.name] = transfer
        return try progress(offer.name)
    }

    private func takeChunk(_ message: WireMessage) throws -> ExchangeEvent? {
        guard let name = message.transfer, let transfer = receiving[name], transfer.sender == message.sender else {
            return nil
        }
        let (now, place) = (surroundings.now, transfer.next)
        try transfer.take(message.first, message.bulk, now: now)
        if transfer.next > place {
            goodput.took(message.bulk.count, from: message.sender, now: now)
            // What comes next leaves its sender once it has heard our first want: the link rests until then, and the clock begins anew.
            let isAlone = receiving.values.allSatisfy { $0 === transfer || $0.sender != transfer.sender }
            if transfer.next == transfer.unasked, isAlone, !transfer.isComplete { goodput.broke(transfer.sender) }
        }
        return try progress(name)
    }

    private func progress(_ name: TransferName) throws -> ExchangeEvent? {
        guard let transfer = receiving[name] else { return nil }
        guard transfer.isComplete else {
            askForMore(name)
            return nil
        }
        end(name, from: transfer.sender)
        guard let payload = try transfer.finish() else {
            transfer.discard()
            complaints.complain(
                .digestMismatch, of: transfer.sender.description,
                [
                    .transfer: .text("\(name)"), .from: .text("\(transfer.sender)"),
                    .reason: .text("the bytes are not those that were signed; it will be offered again"),
                ])
            return nil
        }
        let arrival = Arrival(
            offer: transfer.offer, offerBytes: transfer.offerBytes, signature: transfer.signature,
            peer: transfer.sender,
            payload: payload)
        if transfer.isAnsweredByStage {
            unanswered[name] = transfer.offer.digest
        } else {
            try journal.write { try $0.insert(arrival) }
            answer(transfer.offer, to: transfer.sender, .durable, "")
        }
        return .arrived(arrival)
    }

    /// A transfer comes in no more.
    private func end(_ name: TransferName, from sender: StageName) {
        receiving[name] = nil
        if !receiving.values.contains(where: { $0.sender == sender }) {
            goodput.ended(sender, now: surroundings.now)
        }
    }

    /// Whether the stage has yet to answer for it.
    package func awaitsAnswer(_ name: TransferName) -> Bool { unanswered[name] != nil }

    /// Answers a borrowed or checked transfer; its name is spent in the journal already.
    package func answer(_ arrival: Arrival, _ outcome: Receipt.Outcome, _ reason: String) {
        guard unanswered.removeValue(forKey: arrival.offer.name) != nil else { return }
        answer(arrival.offer, to: arrival.peer, outcome, reason)
    }

    /// As though a borrowed or checked transfer had never come.
    package func forget(_ arrival: Arrival) { unanswered[arrival.offer.name] = nil }

    /// Journals a checked transfer, whose payload has been synced, and receipts it. One that is in the journal since an earlier start is left as it is.
    package func keep(_ arrival: Arrival) throws {
        guard unanswered[arrival.offer.name] != nil else { return }
        try journal.write { try $0.insert(arrival) }
        answer(arrival, .durable, "")
    }

    /// Refuses a transfer for good: its name is spent, its bytes go, and its sender is told why if it waits for an answer.
    package func refuse(_ arrival: Arrival, _ reason: String) throws {
        let name = arrival.offer.name
        guard unanswered[name] != nil else {
            return try journal.write { try $0.settle(name, as: .refused, reason: reason) }
        }
        try journal.note { try $0.spend(arrival, as: .refused, reason: reason) }
        arrival.payload.discard()
        answer(arrival, .refused, reason)
    }

    private func askForMore(_ name: TransferName) {
        guard let range = receiving[name]?.want(surroundings.now), let sender = receiving[name]?.sender else { return }
        dispatch(identity.message(.want, transfer: name, first: range.lowerBound, end: range.upperBound), to: sender)
    }

    private func answer(_ offer: Offer, to sender: StageName, _ outcome: Receipt.Outcome, _ reason: String) {
        let receipt = Signed(
            Receipt(name: offer.name, digest: offer.digest, outcome: outcome, reason: reason), by: identity.signing)
        dispatch(
            identity.message(.receipt, document: receipt.bytes, signature: receipt.signature.bytes), to: sender)
    }

    // MARK: Events of the post

    /// Handles a message that belongs to a transfer. Throws only where the journal or the spool fails; a peer's mistake is
    /// logged, and the stage lives on.
    package func handle(_ message: WireMessage, accept: (Offer, StageName) -> Verdict) throws -> ExchangeEvent? {
        do {
            switch message.kind {
            case .offer: return try takeOffer(message, accept: accept)
            case .want:
                answerWant(message)
                return nil
            case .chunk: return try takeChunk(message)
            case .receipt: return try takeReceipt(message)
            default: return nil
            }
        } catch let error as FederationError {
            complaints.refused(message, reason: "\(error)")
            return nil
        } catch let error as MessageFault {
            complaints.refused(message, reason: error.reason)
            return nil
        }
    }

    /// A stage has (re)appeared: everything meant for it is offered at once, and what it was sending us is asked for again.
    package func joined(_ stage: StageName) {
        goodput.broke(stage)
        for key in inOrder(sending.keys) where key.receiver == stage {
            sending[key]?.hurry(surroundings.now)
            offerIfDue(key)
        }
    }

    package func tick(_ now: ContinuousClock.Instant) {
        for key in inOrder(sending.keys) { offerIfDue(key) }
        for (name, transfer) in receiving.sorted(by: { $0.key.description < $1.key.description }) {
            if now - transfer.lastProgress > Receiving.abandonment {
                end(name, from: transfer.sender)
                transfer.discard()
            } else {
                askForMore(name)
            }
        }
    }

    /// The order is of no account, but that the same events make the same messages (docs/architecture.md, "Simulated faults").
    private func inOrder(_ keys: some Sequence<Key>) -> [Key] {
        keys.sorted { left, right in
            left.receiver == right.receiver
                ? left.name.description < right.name.description : left.receiver < right.receiver
        }
    }

    package var pendingDepartures: Int { sending.count }

    package var pending: [(name: TransferName, receiver: StageName)] { sending.keys.map { ($0.name, $0.receiver) } }
}

/// What the exchange tells its stage.
package enum ExchangeEvent {
    case arrived(Arrival)
    case receipted(
        TransferName, by: StageName, outcome: Receipt.Outcome, reason: String, wireBytes: Int, offers: Int)
}
