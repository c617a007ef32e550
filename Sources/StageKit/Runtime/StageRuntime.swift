internal import Federation
internal import Keys
internal import Monitoring
internal import Sodium
internal import Synchronization

/// Runs one stage: reads the post, lets the exchange and the stage answer, until the stage ends or is told to stop.
@StageActor
package final class StageRuntime {
    private let context: StageContext
    private let stage: any Stage
    private let hasHub: Bool
    private let outcome: Outcome
    private var lastBeat: ContinuousClock.Instant
    private var lastTick: ContinuousClock.Instant
    private let complaints: Complaints
    private var heard: [StageName: (epoch: UInt64, sequence: UInt64)] = [:]
    private var farewell: Farewell?
    private var silence: Silence
    /// Since publish was first heard of, has been started again, or has said something that was missed.
    private var enquiry: Enquiry?
    /// When each stage was last told everything anew, and who is still to be.
    private var welcomed: [StageName: ContinuousClock.Instant] = [:]
    private var owed: Set<StageName> = []
    private var links: LinkWatch
    private var situation: SituationWatch
    private var lastLook: ContinuousClock.Instant
    private var clocks: [StageName: ClockComparison] = [:]
    private var clocksTold: Set<StageName> = []
    private var troubles = TroubleWatch()

    package init(_ stage: any Stage, context: StageContext, hasHub: Bool, outcome: Outcome) {
        self.stage = stage
        self.context = context
        self.hasHub = hasHub
        self.outcome = outcome
        complaints = Complaints(context.log, blame: context.wires.blame)
        let now = context.surroundings.now
        (lastBeat, lastTick, lastLook, silence) = (now, now, now, Silence(now))
        links = LinkWatch(context.identity.dials, now: now)
        situation = SituationWatch(now)
        context.asksToHandOver = { outcome.isAskedToHandOver }
    }

    /// Runs the stage over a post until it ends.
    func run(over post: Post, pulse: Pulse, meters: StageMeters, ready: () throws -> Void) async throws {
        var meters = meters
        try await start()
        try ready()
        try takeLeaveIfOver()
        for await event in post.events {
            try pulse.beat(context.surroundings.now)
            try await take(event)
            post.handled(event)
            let now = context.surroundings.now
            if meters.isDue(now) { meters.take(try look(at: post, now)) }
            if let round = context.newestRelease { meters.tellUse(by: round) }
            if let result = try await result() { return try result.get() }
        }
    }

    private func look(at post: Post, _ now: ContinuousClock.Instant) throws -> StageMeters.Look {
        StageMeters.Look(
            isReady: !outcome.isAskedToHandOver && farewell == nil, waiting: situation.waiting(now),
            hubs: context.identity.dials.sorted().map { ($0, links.isUp($0)) }, inbox: post.inbox,
            spoolBytes: context.journal.spoolBytes())
    }

    /// Takes up what the journal holds.
    package func start() async throws {
        try context.journal.sweep()
        try await stage.start()
        try context.exchange.resume()
        for arrival in try context.journal.read({ try $0.held() }) { try await stage.arrived(arrival) }
    }

    /// Killed between the last release and its end: nobody need say it again, but publish may wait to hear of it.
    package func takeLeaveIfOver() throws { if let last = try context.lastRelease() { takeLeave(of: last) } }

    package func take(_ event: PostEvent) async throws {
        if case .message(let message) = event {
            try await handle(message)
        } else {
            try await handle(event)
        }
        let now = context.surroundings.now
        guard now - lastTick >= .milliseconds(100) else { return }
        lastTick = now
        context.exchange.tick(now)
        if hasHub, now - lastBeat >= .seconds(2) {
            lastBeat = now
            context.beat()
        }
        for peer in owed.sorted() where !isTooSoon(peer, now) { try await welcome(peer) }
        try await stage.tick()
        try watch(now)
        if now - lastLook >= .seconds(1) {
            lastLook = now
            try look(now)
        }
    }

    /// How the stage has ended, if it has; its last word is said then.
    package func result() async throws -> Result<Void, any Error>? {
        if outcome.isAskedToHandOver, context.workInHand == 0, stage.mayHandOver {
            context.log.tell(.handingOver)
            outcome.set(.success(()))
        }
        guard let result = outcome.taken() else { return nil }
        await stage.stop()
        return result
    }

    private func handle(_ event: PostEvent) async throws {
        switch event {
        case .message, .tick: break
        case .joined(let peer):
            complaints.joined(peer)
            try await welcome(peer)
        case .connected(let hub):
            links.connected(hub)
            // What was on its way is lost with the connection before, and would be offered again after a pause of up to 10 s.
            context.exchange.joined(hub)
            context.log.tell(.hubConnected, [.hub: .name(hub)])
        case .disconnected(let hub):
            links.lost(hub, context.surroundings.now)
            context.log.tell(.hubDisconnected, [.hub: .name(hub)])
        case .unwelcome(let hub, let cause, let reason):
            links.refused(hub, reason, context.surroundings.now)
            complaints.refusedHandshake(by: hub, cause, reason)
        case .left(let peer): complaints.left(peer)
        case .refused(let peer, let reason):
            complaints.complain(.messageRefused, of: peer, [.from: .text(peer), .reason: .text(reason)])
        case .otherVersion(let peer, let found): troubles.heard(peer, version: found, context.surroundings.now)
        case .handshake(let peer, let cause, let reason):
            complaints.refusedHandshake(ofStranger: peer, cause, reason)
        case .overLimit(let stage, let dropped):
            complaints.complain(
                .peerOverLimit, of: stage.description,
                [.from: .name(stage), .dropped: .number(dropped), .reason: .text("it sends more than it may")])
        case .keysChanged(let change): note(change)
        case .failed(let reason): throw StageError.sockets("the sockets failed: \(reason)")
        }
    }

    private func note(_ change: Keyring.Change) {
        for card in change.added {
            context.log.tell(.keyAdded, [.of: .name(card.stage), .card: .text(card.fingerprint)])
        }
        let reasons = Dictionary(change.revoked.map { ($0.card, $0.reason) }) { $1 }
        for card in change.removed {
            context.log.tell(
                .keyRevoked,
                [
                    .of: .name(card.stage), .card: .text(card.fingerprint),
                    .reason: .text(reasons[card] ?? "its card is not in keys/public any more"),
                ])
        }
        if let problem = change.problem { context.log.tell(.keysUnreadable, [.reason: .text(problem)]) }
    }

    private func handle(_ message: WireMessage) async throws {
        troubles.understood(message.sender)
        switch message.kind {
        case .offer, .want, .chunk, .receipt:
            switch try context.exchange.handle(message, accept: stage.verdict) {
            case .arrived(let arrival): try await stage.arrived(arrival)
            case .receipted(let name, let peer, let outcome, let reason, let bytes, let offers):
                try await stage.receipted(
                    Delivery(
                        name: name, receiver: peer, outcome: outcome, reason: reason, wireBytes: bytes, offers: offers))
            case nil: break
            }
        case .beat:
            notice(message)
            compareClocks(message)
        case .heard: try await heardEnd(message)
        case .hello: try await welcome(message.sender)
        case .opening:
            notice(message)
            if let opening = try announced(Opening.self, message, round: \.round) { try await stage.opened(opening) }
        case .release:
            notice(message)
            if let release = try announced(Release.self, message, round: \.round) {
                try await stage.released(release)
                context.noteRelease(of: release.content.round)
                try context.forgetRounds(before: release.content.round, but: stage.remembrance)
                if release.content.isFinal { takeLeave(of: release) }
            }
        case .abandonment:
            notice(message)
            if let end = try announced(Abandonment.self, message, round: \.round) {
                try await stage.abandoned(end)
                try context.forgetRounds(before: end.content.round, but: stage.remembrance)
            }
        case .appointment:
            notice(message)
            if let appointment = try announced(Appointment.self, message, round: \.term) {
                try await stage.appointed(appointment)
            }
        }
    }

    /// Tells a stage that has come, or has missed something, everything that counts. The question is small and the answer
    /// may be megabytes: whoever asks again at once is answered a little later, once.
    private func welcome(_ peer: StageName) async throws {
        let now = context.surroundings.now
        guard !isTooSoon(peer, now) else {
            owed.insert(peer)
            return
        }
        owed.remove(peer)
        welcomed[peer] = now
        context.beat(to: peer)
        context.exchange.joined(peer)
        try await stage.joined(peer)
    }

    private func isTooSoon(_ peer: StageName, _ now: ContinuousClock.Instant) -> Bool {
        guard let last = welcomed[peer] else { return false }
        return now - last < .milliseconds(500)
    }

    // MARK: What people are told

    /// Tells who looks at the process what it does, and the log when a wait has become long.
    private func look(_ now: ContinuousClock.Instant) throws {
        let present = try outcome.isAskedToHandOver ? leaving : links.situation(now) ?? stage.situation
        let news = situation.step(present, now)
        if let changed = news.changed { context.report(changed.text) }
        if let present = troubles.news(now, own: stage.troubles) { context.report(present) }
        if let waited = news.waited {
            context.log.tell(.stillWaiting, [.seconds: .seconds(waited), .reason: .text(present.text)])
        }
    }

    private var leaving: Situation { .working("finishing what is in hand before a successor takes over") }

    /// Deadlines are of publish's clock, whatever this host's says; but logs, traces and evidence are dated by this host's.
    private func compareClocks(_ message: WireMessage) {
        guard let theirs = message.time, context.identity.dials.contains(message.sender) else { return }
        if message.sender == context.publisher { context.heard(publisherTime: theirs) }
        let ours = context.surroundings.time
        guard let ahead = clocks[message.sender, default: ClockComparison()].heard(theirs, at: ours) else { return }
        let differs = max(ahead, .zero - ahead) > ClockComparison.tolerance
        guard differs != clocksTold.contains(message.sender) else { return }
        if differs { clocksTold.insert(message.sender) } else { clocksTold.remove(message.sender) }
        troubles.clock(of: message.sender, ahead: differs ? ahead : nil)
        guard differs else { return context.log.tell(.clocksAgree, [.with: .name(message.sender)]) }
        context.log.tell(
            .clocksDiffer,
            [
                .with: .name(message.sender), .ahead: .seconds(ahead),
                .reason: .text(
                    "the clock of \(message.sender) is \(ahead > .zero ? "ahead of" : "behind") this host's: what the two hosts log does not go together in time; let NTP set both"
                ),
            ])
    }

    // MARK: The end

    private func takeLeave(of last: Signed<Release>) {
        // Publish is the one that waits for the others.
        guard context.stage != context.publisher, farewell == nil else { return }
        context.log.tell(.endHeard, round: last.content.round)
        farewell = Farewell(last.digest, now: context.surroundings.now)
    }

    private func heardEnd(_ message: WireMessage) async throws {
        guard let release = Digest(bytes: message.document) else {
            return complaints.refused(message, reason: "expected the digest of a release")
        }
        if context.stage == context.publisher {
            try await stage.heardEnd(by: message.sender, of: release)
        } else if message.sender == context.publisher, release == farewell?.release {
            try context.journal.write { try $0.endRun() }
            outcome.set(.success(()))
        }
    }

    private func watch(_ now: ContinuousClock.Instant) throws {
        guard context.stage != context.publisher else { return }
        if farewell == nil, enquiry?.isDue(now) == true { context.hello(to: context.publisher) }
        switch farewell?.step(now) {
        case .tell: if let release = farewell?.release { context.sayHeard(release, to: context.publisher) }
        case .leave:
            context.log.tell(
                .endUnanswered,
                [.reason: .text("\(context.publisher) has not noted that this stage has heard the end of the run")])
            outcome.set(.success(()))
        case .wait: break
        case nil: try watchSilence(now)
        }
    }

    private func watchSilence(_ now: ContinuousClock.Instant) throws {
        switch silence.step(now) {
        case .wait: break
        case .warn(let length):
            context.log.tell(
                .publishSilent,
                [
                    .seconds: .seconds(length),
                    .reason: .text(
                        "\(context.publisher) is not there, or cannot be reached. If the run has ended, start publish once more, which says so, or stop this stage"
                    ),
                ])
        case .giveUp:
            throw StageError.unreachable(
                "nothing has been heard of \(context.publisher) for a day: if run \(context.run) has ended, there is nothing left to do here; if not, see to it that \(context.publisher) can be reached and start again"
            )
        }
    }

    /// A new epoch means that the hub has restarted and forgotten what was on its way; a gap in the sequence that an
    /// announcement was dropped. Either way: ask again.
    private func notice(_ message: WireMessage) {
        // Whoever dials us is no hub: it has nothing to announce, and cannot be asked again.
        guard context.identity.dials.contains(message.sender) else {
            if message.kind == .beat { complaints.refused(message, reason: "its sender is no hub of this stage") }
            return
        }
        if message.sender == context.publisher { silence.heard(context.surroundings.now) }
        let known = heard[message.sender]
        heard[message.sender] = (message.epoch, message.sequence)
        if let known, known.epoch == message.epoch {
            let expected = message.kind == .beat ? known.sequence : known.sequence + 1
            if message.sequence > expected {
                context.log.tell(.announcementsMissed, [.hub: .name(message.sender)])
                context.hello(to: message.sender)
                if message.sender == context.publisher { enquiry = Enquiry(context.surroundings.now) }
            }
            return
        }
        context.exchange.joined(message.sender)
        if message.sender == context.publisher { enquiry = Enquiry(context.surroundings.now) }
    }

    /// Verifies an announcement of publish; nil if it is known already or not to be believed.
    private func announced<Content: Declaration>(
        _: Content.Type, _ message: WireMessage, round: (Content) -> RoundNumber
    ) throws -> Signed<Content>? {
        do {
            guard message.sender == context.publisher else {
                throw MessageFault(reason: "only \(context.publisher) announces")
            }
            let key = try context.identity.key(of: message.sender)
            let document = try Signed<Content>(
                bytes: message.document, signature: message.signature, key: key, signer: message.sender.description)
            guard document.content.run == context.run else {
                throw MessageFault(reason: "it belongs to run \(document.content.run), this is run \(context.run)")
            }
            let number = round(document.content)
            if document.content is Opening { context.log.enter(number, opening: document.digest) }
            let everKey = try context.identity.everKey(of: message.sender)
            let known = try context.journal.read {
                try $0.document(Content.self, round: number, key: everKey, signer: message.sender)
            }
            if let known {
                guard known.digest == document.digest else {
                    throw MessageFault(reason: "a second \(Content.kind) of round \(number), unlike the first")
                }
                return nil
            }
            guard try !context.journal.read({ try $0.isForgotten(document.content, round: number) }) else { return nil }
            if let release = document.content as? Release, release.isFinal {
                // Publish is told that this is durable, and leaves.
                try context.journal.write { try $0.insert(document, round: number) }
            } else {
                // Publish has it, and says it again to whoever forgot.
                try context.journal.note { try $0.insert(document, round: number) }
            }
            return document
        } catch let error as FederationError {
            complaints.refused(message, reason: "\(error)")
        } catch let error as MessageFault {
            complaints.refused(message, reason: error.reason)
        }
        return nil
    }
}

/// How the run of a stage ends; set once, from any thread.
package final class Outcome: Sendable {
    package init() {}

    private let state = Mutex<Result<Void, any Error>?>(nil)
    private let handOver = Atomic<Bool>(false)

    package func set(_ result: Result<Void, any Error>) { state.withLock { $0 = $0 ?? result } }
    func taken() -> Result<Void, any Error>? { state.withLock { $0 } }

    /// A successor stands by, or does so no more.
    package func askToHandOver(_ isAsked: Bool) { handOver.store(isAsked, ordering: .relaxed) }
    var isAskedToHandOver: Bool { handOver.load(ordering: .relaxed) }
}
