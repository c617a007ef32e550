import Encryption
import Federation
import Foundation
import Keys
import Sodium
import Monitoring
import StageKit
import Synchronization
import Topology

/// A real aggregate between scripted neighbours: the test is publish and the clouds' encrypt stages, with their keys, and says
/// on the wire whatever it likes.
final class Stand: Sendable {
    let run: FederationRun
    let key: PaillierPrivateKey
    let publish: ScriptedStage
    let clouds: [CloudName: ScriptedStage]

    init() async throws {
        let run = try FederationRun(.init(keys: .publisher))
        self.run = run
        key = try PaillierPrivateKey(decoding: run.keys.paillierSecret(of: run.topology.publish.cloud))
        publish = try ScriptedStage(run.topology.publish, in: run)
        clouds = try Dictionary(
            uniqueKeysWithValues: run.topology.dataClouds.map { cloud in
                (cloud, try ScriptedStage(StageName(cloud: cloud, kind: .encrypt), in: run))
            })
        try run.start(run.topology.aggregate)
        _ = try await run.event("stage_ready", of: run.topology.aggregate)
        try await publish.joined(run.topology.aggregate)
        // A hub beats at once to a stage that has just subscribed. A receipt before that would be lost: real stages offer
        // again, these say everything once.
        for cloud in clouds.values { _ = try await cloud.message("aggregate's beat") { $0.kind == .beat } }
    }

    deinit {
        publish.post.stop()
        for stage in clouds.values { stage.post.stop() }
    }

    func cloud(_ name: String) throws -> ScriptedStage {
        guard let stage = clouds[try CloudName(name)] else {
            throw FederationRun.Failure(description: "no cloud \(name)")
        }
        return stage
    }

    /// One of the primes of the key of sums, the most significant byte first: it stands behind 37 bytes of the key's file.
    var factor: [UInt8] {
        get throws {
            let width = key.publicKey.bits / 16
            return try key.encoded().withUnsafeBytes { Array($0[37..<37 + width]) }
        }
    }

    /// Opens a round of 64 values, as publish would.
    /// - Parameters:
    ///   - key: another key of sums than the stand's.
    ///   - event: what aggregate says to it.
    func open(
        _ round: UInt32, quorum: Int = 3, seconds: Double = 300, under key: PaillierPublicKey? = nil,
        event: String = "round_joined"
    ) async throws -> Signed<Opening> {
        let key = key ?? self.key.publicKey
        let content = Opening(
            run: run.topology.run, round: RoundNumber(round), purpose: .update, seat: Seat(run.topology.aggregate),
            layout: try VectorLayout([.init(name: "values", shape: [64], range: 1)]), bits: 12, suite: .paillier,
            keyID: key.id.bytes, profile: key.profile.rawValue, clipNorm: 1,
            cohort: run.topology.dataClouds.sorted().map { Member(cloud: $0, weight: 1) }, quorum: quorum,
            minimumCohort: 2,
            deadline: Timestamp.milliseconds() + UInt64(seconds * 1000), startsFrom: RoundNumber(0),
            adapterDigest: Digest(ofContent: [0]),
            adapter: AdapterPlan(
                rank: 1, alpha: 1, targets: [], trains: "b", seed: 1, baseModel: "", baseDigest: "", tokenizerDigest: ""
            ),
            training: TrainingPlan(steps: 1, batchSize: 1, learningRate: 0, weightDecay: 0, gradientClip: 0, seed: 1),
            split: nil)
        let opening = Signed(content, by: publish.signing)
        // As publish does: the deadline is a time of its clock.
        publish.post.publish(
            WireMessage(
                .beat, from: publish.stage, epoch: 1, sequence: UInt64(round) - 1,
                document: WireMessage.beatDocument(time: Timestamp.milliseconds())), topic: Topic.all)
        announce(opening, sequence: UInt64(round))
        _ = try await run.event(event, of: run.topology.aggregate, round: Int(round))
        return opening
    }

    func announce<Content>(_ document: Signed<Content>, signature: [UInt8]? = nil, sequence: UInt64) {
        guard let kind = MessageKind(rawValue: Content.kind) else { return }
        publish.post.publish(
            WireMessage(
                kind, from: publish.stage, epoch: 1, sequence: sequence, document: document.bytes,
                signature: signature ?? document.signature.bytes), topic: Topic.all)
    }

    /// Quantised values of a cloud.
    static func values(_ seed: UInt32) -> [UInt32] { (0..<64).map { 1 + ($0 &* 61 &+ seed &* 977) % 4095 } }

    func seal(_ values: [UInt32], for opening: Signed<Opening>) throws -> [UInt8] {
        try RoundScheme(opening.content, key: key.publicKey).scheme.seal(values, threads: 1)
    }

    /// An offer as an honest encrypt stage makes it, or with something else in it.
    func offer(
        _ payload: [UInt8], for opening: Signed<Opening>, of cloud: String, round: UInt32? = nil,
        run other: RunName? = nil,
        name: String? = nil, keyID: [UInt8]? = nil, room: Int? = nil,
        weight: UInt32 = 1, helped: HelpedSum? = nil
    ) throws -> Signed<Offer> {
        let maker = try self.cloud(cloud)
        let about = ContributionAbout(
            opening: opening.digest, suite: .paillier, profile: key.publicKey.profile.rawValue,
            keyID: keyID ?? key.publicKey.id.bytes, bits: opening.content.bits,
            room: room ?? opening.content.cohort.count, weight: weight, helped: helped)
        let transfer = TransferName(
            run: other ?? run.topology.run, kind: .contribution,
            round: round.map { RoundNumber($0) } ?? opening.content.round,
            cloud: try CloudName(name ?? cloud))
        return Signed(
            Offer(
                name: transfer, maker: maker.stage, byteCount: payload.count, digest: Digest(ofContent: payload),
                about: about.value),
            by: maker.signing)
    }

    /// Offers with the first chunk, which is all of it here.
    func send(_ offer: Signed<Offer>, _ payload: [UInt8], from cloud: String, signature: [UInt8]? = nil) throws {
        let stage = try self.cloud(cloud)
        stage.post.push(
            WireMessage(
                .offer, from: stage.stage, epoch: 1, document: offer.bytes,
                signature: signature ?? offer.signature.bytes,
                bulk: payload), to: run.topology.aggregate)
    }

    func receipt(of offer: Signed<Offer>, to cloud: String) async throws -> Receipt {
        let aggregate = run.topology.aggregate
        let key = try run.keys.card(of: aggregate).verifying
        let message = try await self.cloud(cloud).message("a receipt of \(offer.content.name)") { message in
            guard message.kind == .receipt else { return false }
            let receipt = try? Signed<Receipt>(
                bytes: message.document, signature: message.signature, key: key, signer: "\(aggregate)"
            ).content
            return receipt?.name == offer.content.name && receipt?.digest == offer.content.digest
        }
        return try Signed<Receipt>(
            bytes: message.document, signature: message.signature, key: key, signer: "\(aggregate)"
        ).content
    }

    /// The sum of a round, opened.
    func sum(of opening: Signed<Opening>) async throws -> (parts: [String], values: [UInt64]) {
        let (message, payload) = try await publish.transfer("the sum of round \(opening.content.round)") { offer in
            offer.name.kind == .sum && offer.name.round == opening.content.round
        }
        let offer = try Offer(decodeDocument(message.document))
        let about = try SumAbout(offer.about)
        let slots = try SlotLayout(bits: opening.content.bits, cohort: opening.content.cohort.count)
        let opener = PaillierOpener(key: key, layout: opening.content.layout, slots: slots)
        let values = try opener.open(
            payload, sealing: opener.sealing, contributions: about.parts.count, threads: 1)
        return (about.parts.map(\.cloud.description), values)
    }

    /// The aggregate answers still: its process is the first one.
    var isAlive: Bool { run.book.all.filter { $0.name == "exited" || $0.name == "killed" }.isEmpty }
}

/// A stage whose part a test plays: its post, and what came to it.
final class ScriptedStage: Sendable {
    let stage: StageName
    let post: Post
    let signing: SigningKey
    private let dials: Set<StageName>
    private let book = Mutex<(messages: [WireMessage], joined: Set<StageName>)>(([], []))

    /// - Parameter plan: other sockets or keys than the topology's.
    init(_ stage: StageName, in run: FederationRun, plan: PostPlan? = nil) throws {
        self.stage = stage
        signing = try run.keys.signingKey(of: stage)
        // Its own cloud's hub is nobody's business here: only what it dials, or publish's own.
        let whole = try PostPlan(topology: run.topology, keys: run.keys, stage: stage)
        let own = PostPlan(
            stage: stage, hub: stage.kind == .publish ? whole.hub : nil,
            dials: whole.dials.filter { $0.hub == run.topology.aggregate }, curvePublic: whole.curvePublic,
            curveSecret: whole.curveSecret)
        post = try Post(plan ?? own)
        dials = Set((plan ?? own).dials.map(\.hub))
        Task { [self] in
            for await event in post.events {
                book.withLock { book in
                    if case .message(let message) = event { book.messages.append(message) }
                    if case .joined(let peer) = event { book.joined.insert(peer) }
                }
                post.handled(event)
            }
        }
    }

    private func wait<Found>(_ what: String, _ look: () -> Found?) async throws -> Found {
        let giveUp = ContinuousClock.now + .seconds(60)
        while ContinuousClock.now < giveUp {
            if let found = look() { return found }
            try await Task.sleep(for: .milliseconds(5))
        }
        throw FederationRun.Failure(description: "\(stage) saw no \(what)")
    }

    func message(_ what: String, _ matches: (WireMessage) -> Bool) async throws -> WireMessage {
        try await wait(what) { book.withLock { $0.messages }.first(where: matches) }
    }

    /// The first offer that matches, and its payload of one chunk: only a transfer's first offer brings it, and one that was lost, or came
    /// before this stage was there, is made good by a `want`.
    func transfer(
        _ what: String, _ matches: (Offer) -> Bool
    ) async throws -> (message: WireMessage, payload: [UInt8]) {
        func isOffer(_ message: WireMessage) -> Bool {
            guard message.kind == .offer, let value = try? decodeDocument(message.document),
                let offer = try? Offer(value)
            else { return false }
            return matches(offer)
        }
        let message = try await message(what, isOffer)
        let name = try Offer(decodeDocument(message.document)).name
        var asked = ContinuousClock.now - .seconds(1)
        let payload = try await wait("payload of \(name)") {
            let messages = book.withLock { $0.messages }
            if let whole = messages.first(where: { isOffer($0) && !$0.bulk.isEmpty }) { return whole.bulk }
            if let chunk = messages.first(where: { $0.kind == .chunk && $0.transfer == name }) { return chunk.bulk }
            if ContinuousClock.now - asked >= .seconds(1) {
                asked = .now
                let want = WireMessage(.want, from: stage, epoch: 1, transfer: name, first: 0, end: 1)
                if dials.contains(message.sender) {
                    post.push(want, to: message.sender)
                } else {
                    post.publish(want, topic: Topic.to(message.sender))
                }
            }
            return nil
        }
        return (message, payload)
    }

    var all: [WireMessage] { book.withLock { $0.messages } }

    func count(_ matches: (WireMessage) -> Bool) -> Int { book.withLock { $0.messages }.count(where: matches) }

    func count(atLeast number: Int, _ matches: (WireMessage) -> Bool) async throws {
        _ = try await wait("\(number) messages") { count(matches) >= number ? true : nil }
    }

    func joined(_ peer: StageName) async throws {
        _ = try await wait("\(peer)") { book.withLock { $0.joined.contains(peer) } ? true : nil }
    }
}
