package import Federation
internal import Glibc
package import Monitoring
package import Sodium

/// What a stage works with. Nothing is global: identity, journal, log, sending and announcing are all here.
@StageActor
package final class StageContext {
    package nonisolated let identity: StageIdentity
    package nonisolated let journal: Journal
    package nonisolated let log: EventLog
    package nonisolated let publisher: StageName
    nonisolated let wires: any Wires
    package nonisolated let surroundings: Surroundings
    let exchange: Exchange
    private var announcements: UInt64 = 0
    /// By publish's last beat; nil before the first. What is due in a round is due by this clock.
    package private(set) var publisherClock: RemoteClock?
    /// That this process has heard of, or made.
    private(set) var newestRelease: RoundNumber?
    /// Pieces of work that have begun and not ended: a stage hands over between them.
    package private(set) var workInHand = 0
    private let finish: @Sendable (Result<Void, any Error>) -> Void
    /// The runtime knows.
    var asksToHandOver: @Sendable () -> Bool = { false }

    package init(
        identity: StageIdentity, journal: Journal, log: EventLog, publisher: StageName, wires: any Wires,
        surroundings: Surroundings = .machine, finish: @escaping @Sendable (Result<Void, any Error>) -> Void
    ) {
        self.identity = identity
        self.journal = journal
        self.log = log
        self.publisher = publisher
        self.wires = wires
        self.surroundings = surroundings
        self.finish = finish
        exchange = Exchange(
            identity: identity, journal: journal, wires: wires, log: log, surroundings: surroundings)
    }

    package nonisolated var stage: StageName { identity.stage }
    package nonisolated var run: RunName { identity.run }

    // MARK: Sending

    /// Signs an offer for `payload`, to be journaled as a departure.
    package nonisolated func offer(_ name: TransferName, payload: Payload, digest: Digest, about: any OfferAbout)
        -> Signed<Offer>
    {
        Signed(
            Offer(name: name, maker: stage, byteCount: payload.count, digest: digest, about: about.value),
            by: identity.signing)
    }

    /// Where the spool keeps a transfer that leaves.
    package nonisolated func spoolPath(for name: TransferName) -> String {
        "\(journal.spool)/out-\(Digest(of: Array("\(name)".utf8)).short)"
    }

    /// For a payload that is made piece by piece; not synced if it is to be sent with `sendUnsynced`.
    package nonisolated func payloadWriter(for name: TransferName, isSynced: Bool = true) -> PayloadWriter {
        PayloadWriter(path: spoolPath(for: name), isSynced: isSynced)
    }

    /// Puts bytes where a departure may name them: in memory while small, in a synced spool file otherwise.
    package nonisolated func spool(_ bytes: [UInt8], for name: TransferName) throws -> Payload {
        guard bytes.count > Payload.inlineLimit else { return .bytes(bytes) }
        let file = try SpoolFile(creating: spoolPath(for: name))
        try file.append(bytes)
        try file.sync()
        return .file(path: file.path, count: file.count)
    }

    /// Removes the file of a payload that was made for a departure and will not be one.
    package nonisolated func discard(_ payload: Payload) { payload.discard() }

    /// Makes a departure durable together with what `settle` writes, then starts to send it. Nothing leaves before.
    package func send(_ departures: [Departure], settling settle: (JournalEntry) throws -> Void = { _ in }) throws {
        try journal.write { entry in
            for departure in departures { try entry.insert(departure) }
            try settle(entry)
        }
        for departure in departures { exchange.send(departure) }
    }

    /// The same for what can be made again: a kill leaves it, a loss of power may take it, and what it has spoiled is not
    /// offered after the restart (`Exchange.resume`). Saves three syncs of what may be the largest payload of a round.
    package func sendUnsynced(
        _ departure: Departure, settling settle: (JournalEntry) throws -> Void = { _ in }
    ) throws {
        try journal.note {
            try $0.insert(departure)
            try settle($0)
        }
        exchange.send(departure)
    }

    /// Answers a borrowed transfer that the stage has done with; the journal must know (`JournalEntry.spend`) before.
    package func acknowledge(_ arrival: Arrival) { exchange.answer(arrival, .durable, "") }

    /// Makes a transfer durable that the stage was given to check, and only then receipts it; the stage may use it meanwhile.
    package func keep(_ arrival: Arrival) async throws {
        guard exchange.awaitsAnswer(arrival.offer.name) else { return }  // out of the journal, after a restart
        try await offload { try arrival.payload.sync() }
        try exchange.keep(arrival)
    }

    /// Lets go of a borrowed or checked transfer without an answer: it may be offered again.
    package func forget(_ arrival: Arrival) {
        exchange.forget(arrival)
        arrival.payload.discard()
    }

    /// Refuses a borrowed or checked transfer for good; its sender is told why.
    package func refuse(_ arrival: Arrival, _ reason: String) throws { try exchange.refuse(arrival, reason) }

    /// Stops sending what a newer transfer has made useless.
    package func cancel(_ name: TransferName, to receiver: StageName) throws {
        try exchange.cancel(name, to: receiver)
    }

    /// Stops sending those of a kind that nobody needs any more.
    package func cancel(_ kind: TransferKind, where isUseless: (TransferName) -> Bool) throws {
        let useless = exchange.pending.filter { $0.name.kind == kind && isUseless($0.name) }
        for transfer in useless.sorted(by: { ("\($0.name)", $0.receiver) < ("\($1.name)", $1.receiver) }) {
            try cancel(transfer.name, to: transfer.receiver)
        }
    }

    /// Stops sending everything: the run is over.
    package func cancelAll() throws { try exchange.cancelAll() }

    /// Lets go of what the journal holds of rounds that are long over; `round` is the last that is.
    package func forgetRounds(before round: RoundNumber, but remembrance: Remembrance) throws {
        try journal.note { try $0.forgetRounds(before: round, but: remembrance) }
    }

    package var pendingDepartures: Int { exchange.pendingDepartures }

    /// Whether a successor waits for this process to end. A stage that may not hand over now begins nothing that would put it off.
    package var isAskedToHandOver: Bool { asksToHandOver() }

    /// Whether a transfer of this kind is on its way.
    package func isSending(_ kind: TransferKind) -> Bool { exchange.pending.contains { $0.name.kind == kind } }

    /// Who has not taken all that is meant for it, in order.
    package var receivers: [StageName] { Set(exchange.pending.map(\.receiver)).sorted() }

    // MARK: Announcing

    /// Publishes a signed document to every subscriber. It must be in the journal already. What this stage has signed with a
    /// key that it had before goes out under the one that it has now.
    package func announce<Content>(_ document: Signed<Content>) {
        if let opening = document.content as? Opening {
            log.enter(opening.round, opening: document.digest)
            // Its deadline is a time of this host's clock: whoever hears of it knows what time it is here.
            beat()
        }
        announcements += 1
        if let release = document.content as? Release { noteRelease(of: release.round) }
        wires.publish(
            identity.message(
                kind(of: Content.self), sequence: announcements, document: document.bytes,
                signature: document.signature(by: identity.signing).bytes), topic: Topic.all)
    }

    func noteRelease(of round: RoundNumber) { newestRelease = max(newestRelease ?? round, round) }

    /// Tells one subscriber again.
    package func announce<Content>(_ document: Signed<Content>, to stage: StageName) {
        wires.publish(
            identity.message(
                kind(of: Content.self), sequence: announcements, document: document.bytes,
                signature: document.signature(by: identity.signing).bytes), topic: Topic.to(stage))
    }

    /// Publish's beat has told its time.
    func heard(publisherTime: UInt64) { publisherClock = RemoteClock(publisherTime, at: surroundings.now) }

    func beat(to stage: StageName? = nil) {
        let beat = identity.message(
            .beat, sequence: announcements, document: WireMessage.beatDocument(time: surroundings.time))
        wires.publish(beat, topic: stage.map(Topic.to) ?? Topic.all)
    }

    /// Tells publish that its last release is durable here, or, as publish, a stage that this has been noted.
    package func sayHeard(_ release: Digest, to stage: StageName) {
        let message = identity.message(.heard, document: release.bytes)
        if identity.dials.contains(stage) {
            wires.push(message, to: stage)
        } else {
            wires.publish(message, topic: Topic.to(stage))
        }
    }

    func hello(to hub: StageName) { wires.push(identity.message(.hello), to: hub) }

    private nonisolated func kind<Content: Declaration>(of _: Content.Type) -> MessageKind {
        MessageKind(rawValue: Content.kind) ?? .beat
    }

    // MARK: Work and ends

    /// Says what the stage does to whoever supervises the process.
    package nonisolated func report(_ situation: String) { surroundings.report(situation) }

    nonisolated func report(_ troubles: [Trouble]) { surroundings.reportTroubles(troubles) }

    /// Runs long work on a thread of its own, so that neither the stage nor its sockets wait for it.
    package nonisolated func offload<Output: Sendable>(_ work: @escaping @Sendable () throws -> Output) async throws
        -> Output
    {
        defer { surroundings.workPlace.returned() }
        return try await withCheckedThrowingContinuation { continuation in
            let piece = WorkPiece(
                run: { continuation.resume(with: Result { try work() }) },
                drop: { continuation.resume(throwing: WorkDropped()) })
            do { try surroundings.workPlace.start(piece) } catch { continuation.resume(throwing: error) }
        }
    }

    /// Ends the process in order: with success when the run is over, or with the error that stops it.
    package func end(_ result: Result<Void, any Error>) { finish(result) }

    /// Starts a piece of the stage's logic that waits for offloaded work; an error it throws ends the process.
    package func begin(_ body: @escaping @StageActor () async throws -> Void) {
        workInHand += 1
        Task { @StageActor in
            do { try await body() } catch { finish(.failure(error)) }
            workInHand -= 1
        }
    }
}

// What the journal knows of the rounds.
extension StageContext {
    /// The newest opening of publish that this stage has seen.
    package nonisolated func latestOpening() throws -> Signed<Opening>? {
        let key = try identity.everKey(of: publisher)
        return try journal.read { try $0.latest(Opening.self, key: key, signer: publisher) }
    }

    /// The newest appointment that this stage has seen.
    package nonisolated func latestAppointment() throws -> Signed<Appointment>? {
        let key = try identity.key(of: publisher)
        return try journal.read { try $0.latest(Appointment.self, key: key, signer: publisher) }
    }

    /// Whose the sum of a round is, by what this stage has heard.
    package nonisolated func seat(of opening: Signed<Opening>) throws -> Seat {
        guard let newest = try latestAppointment()?.content, newest.opening == opening.digest,
            newest.seat.term > opening.content.seat.term
        else { return opening.content.seat }
        return newest.seat
    }

    /// Whether a round has neither been released nor abandoned.
    package nonisolated func isOpen(_ opening: Signed<Opening>) throws -> Bool {
        let key = try identity.everKey(of: publisher)
        let round = opening.content.round
        return try journal.read { entry in
            try entry.document(Release.self, round: round, key: key, signer: publisher) == nil
                && entry.document(Abandonment.self, round: round, key: key, signer: publisher) == nil
        }
    }

    /// The release that ends the run, if this stage has it.
    package nonisolated func lastRelease() throws -> Signed<Release>? {
        let key = try identity.everKey(of: publisher)
        let newest = try journal.read { try $0.latest(Release.self, key: key, signer: publisher) }
        return newest?.content.isFinal == true ? newest : nil
    }

    /// The abandonments that this stage has seen and not forgotten, in the order of rounds.
    package nonisolated func abandonments() throws -> [Signed<Abandonment>] {
        let key = try identity.everKey(of: publisher)
        return try journal.read { try $0.all(Abandonment.self, key: key, signer: publisher) }
    }

    /// The releases that this stage has seen and not forgotten (`Remembrance`), in the order of rounds.
    package nonisolated func releases() throws -> [Signed<Release>] {
        let key = try identity.everKey(of: publisher)
        return try journal.read { try $0.all(Release.self, key: key, signer: publisher) }
    }
}
