import Encryption
import Federation
import Foundation
import Keys
import MessagePack
import Sodium
import StageKit
import Synchronization
import Topology

/// A real encrypt stage of the cloud `north` under a shared key. The test is its trainer, aggregate and publish, and the other
/// clouds, with their keys.
final class OpeningStand: Sendable {
    let run: FederationRun
    let key: ThresholdPublicKey
    let encrypt: StageName
    let north: CloudName
    let publish: ScriptedStage
    let aggregate: ScriptedStage
    private let trainer: ScriptedStage
    private let sequence = Atomic<UInt64>(0)

    static let values = 40
    /// Dealing a key takes seconds: all stands of these clouds have the same.
    static let keys = Task { try FederationRun(.init()) }

    init(_ plan: FederationRun.Plan = .init()) async throws {
        let shared = try await Self.keys.value
        let run = try FederationRun(plan, keys: plan.clouds == shared.plan.clouds ? shared : nil)
        let encrypt = run.stage(.encrypt, "north")
        (self.run, self.encrypt, north, key) = (run, encrypt, encrypt.cloud, try run.sharedKey())
        func scripted(_ stage: StageName) throws -> ScriptedStage {
            let whole = try PostPlan(topology: run.topology, keys: run.keys, stage: stage)
            return try ScriptedStage(
                stage, in: run,
                plan: PostPlan(
                    stage: stage, hub: stage.kind == .localTrain ? nil : whole.hub,
                    dials: whole.dials.filter { $0.hub == encrypt }, curvePublic: whole.curvePublic,
                    curveSecret: whole.curveSecret))
        }
        publish = try scripted(run.topology.publish)
        aggregate = try scripted(run.topology.aggregate)
        trainer = try scripted(run.stage(.localTrain, "north"))
        try run.start(encrypt)
        try await publish.joined(encrypt)
        try await aggregate.joined(encrypt)
        _ = try await trainer.message("a beat of \(encrypt)") { $0.kind == .beat }
    }

    deinit { for stage in [publish, aggregate, trainer] { stage.post.stop() } }

    /// Kills the stage as a loss of power would, and starts it again; returns when its trainer hears it.
    func killAndRestart() async throws {
        try await run.killAndRestart(encrypt)
        _ = try await trainer.message("a beat of \(encrypt)'s second start") { $0.kind == .beat && $0.epoch == 2 }
    }

    // MARK: publish

    /// - Parameters:
    ///   - key: another key of sums than the stand's.
    ///   - seat: another aggregate, or another term, than the topology's first.
    ///   - refused: waits for north's refusal instead of its joining.
    func open(
        _ round: UInt32, minimum: Int = 3, under key: ThresholdPublicKey? = nil, refused: Bool = false,
        purpose: Purpose = .update, startsFrom: UInt32 = 0, seat: Seat? = nil, encryption: PartialEncryption? = nil
    ) async throws -> Signed<Opening> {
        let key = key ?? self.key
        let opening = Signed(
            Opening(
                run: run.topology.run, round: RoundNumber(round), purpose: purpose,
                seat: seat ?? Seat(run.topology.aggregate),
                layout: try VectorLayout([.init(name: "values", shape: [Self.values], range: 1)]), bits: 12,
                suite: .paillier, keyID: key.id.bytes, profile: key.paillier.profile.rawValue, clipNorm: 1,
                cohort: run.topology.dataClouds.sorted().map { Member(cloud: $0, weight: 1) }, quorum: 3,
                minimumCohort: minimum, deadline: 4_000_000_000_000, startsFrom: RoundNumber(startsFrom),
                adapterDigest: Digest(ofContent: [0]),
                adapter: AdapterPlan(
                    rank: 1, alpha: 1, targets: [], trains: "b", seed: 1, baseModel: "", baseDigest: "",
                    tokenizerDigest: ""),
                training: purpose != .update
                    ? nil
                    : TrainingPlan(
                        steps: 1, batchSize: 1, learningRate: 0, weightDecay: 0, gradientClip: 0, seed: 1), split: nil,
                encryption: encryption), by: publish.signing)
        announce(opening)
        // What is offered for a round that is not known yet is offered again; a test says it once.
        _ = try await run.event(
            minimum < 3 || refused ? "opening_refused" : "round_joined", of: encrypt, round: Int(round))
        return opening
    }

    func announce<Content>(_ document: Signed<Content>) {
        guard let kind = MessageKind(rawValue: Content.kind) else { return }
        publish.post.publish(
            WireMessage(
                kind, from: publish.stage, epoch: 1, sequence: sequence.add(1, ordering: .relaxed).newValue,
                document: document.bytes, signature: document.signature.bytes), topic: Topic.all)
    }

    /// Gives a round to another aggregate, as publish would; says so until it is heard.
    func move(_ opening: Signed<Opening>, to seat: Seat) async throws {
        let appointment = Signed(
            Appointment(run: run.topology.run, round: opening.content.round, opening: opening.digest, seat: seat),
            by: publish.signing)
        for _ in 0..<60 {
            announce(appointment)
            let event = await run.book.first(within: 1) { [encrypt] in
                $0.name == "round_moved" && $0.stage == encrypt && $0.fields["term"] == "\(seat.term)"
            }
            if event != nil { return }
        }
        throw FederationRun.Failure(description: "\(encrypt) did not hear that its round was moved")
    }

    // MARK: contributions

    /// A contribution as a cloud signs it.
    struct Contribution: Sendable {
        let payload: [UInt8]
        let offer: Signed<Offer>
        var part: RoundRecord.Part { .init(offer: offer.bytes, signature: offer.signature.bytes) }
    }

    /// What north's encrypt stage makes of a vector of its trainer; receipted, as aggregate would.
    /// - Parameter isReceipted: false where aggregate has not answered yet.
    func contributionOfNorth(to opening: Signed<Opening>, isReceipted: Bool = true) async throws -> Contribution {
        let name = TransferName(
            run: run.topology.run, kind: .vector, round: opening.content.round, cloud: north, part: 1)
        let bytes = [UInt8](repeating: 0, count: 4 * Self.values)
        let vector = Signed(
            Offer(
                name: name, maker: trainer.stage, byteCount: bytes.count, digest: Digest(ofContent: bytes),
                about: VectorAbout(opening: opening.digest, records: 1).value), by: trainer.signing)
        trainer.post.push(
            WireMessage(
                .offer, from: trainer.stage, epoch: 1, document: vector.bytes, signature: vector.signature.bytes,
                bulk: bytes), to: encrypt)
        let (message, payload) = try await aggregate.transfer(
            "north's contribution to round \(opening.content.round)"
        ) {
            $0.name.kind == .contribution && $0.name.round == opening.content.round
        }
        let offer = try Signed<Offer>(
            bytes: message.document, signature: message.signature, key: run.keys.card(of: encrypt).verifying,
            signer: "\(encrypt)")
        if isReceipted { receipt(offer) }
        return Contribution(payload: payload, offer: offer)
    }

    /// Aggregate has it, or says so.
    func receipt(_ offer: Signed<Offer>) {
        let receipt = Signed(
            Receipt(name: offer.content.name, digest: offer.content.digest, outcome: .durable), by: aggregate.signing)
        aggregate.post.publish(
            WireMessage(
                .receipt, from: aggregate.stage, epoch: 1, document: receipt.bytes,
                signature: receipt.signature.bytes), topic: Topic.to(encrypt))
    }

    /// What another cloud's encrypt stage would make, or with another payload, proof, signer or weight in it.
    func contribution(
        of cloud: String, to opening: Signed<Opening>, payload other: [UInt8]? = nil, proof: [UInt8]? = nil,
        signer: String? = nil, weight: UInt32 = 1
    ) throws -> Contribution {
        let name = try CloudName(cloud)
        let round = try RoundScheme(opening.content, key: key.paillier)
        guard let (scheme, witness) = round.recording() else { throw FederationRun.Failure(description: "no witness") }
        let values = [UInt32](repeating: 2048, count: Self.values)
        let sealed = try scheme.scheme.seal(values, threads: 1)
        let payload = other ?? sealed
        let honest = try scheme.prove(
            witness, payload: Digest(ofContent: payload), context: RoundScheme.context(opening.digest, name))
        let maker = StageName(cloud: name, kind: .encrypt)
        let about = ContributionAbout(answering: opening, weight: weight, proof: proof ?? honest)
        let signing = try run.keys.signingKey(of: StageName(cloud: try CloudName(signer ?? cloud), kind: .encrypt))
        return Contribution(
            payload: payload,
            offer: Signed(
                Offer(
                    name: TransferName(
                        run: run.topology.run, kind: .contribution, round: opening.content.round, cloud: name),
                    maker: maker, byteCount: payload.count, digest: Digest(ofContent: payload), about: about.value),
                by: signing))
    }

    /// The true sum of payloads.
    func sum(_ payloads: [[UInt8]], _ opening: Signed<Opening>) throws -> [UInt8] {
        let scheme = try RoundScheme(opening.content, key: key.paillier).scheme
        let accumulator = scheme.makeAccumulator()
        for payload in payloads { try accumulator.add(payload, sealing: scheme.sealing, threads: 1) }
        return try accumulator.sum()
    }

    // MARK: aggregate

    /// Shows north a record and the contributions of the others.
    func show(
        _ record: RoundRecord, evidence: [(cloud: String, payload: [UInt8])], of opening: Signed<Opening>,
        term: UInt32 = 0
    ) throws {
        func send(_ kind: TransferKind, _ cloud: CloudName, _ payload: [UInt8]) {
            let offer = Signed(
                Offer(
                    name: TransferName(
                        run: run.topology.run, kind: kind, round: opening.content.round, cloud: cloud, part: term),
                    maker: aggregate.stage, byteCount: payload.count, digest: Digest(ofContent: payload),
                    about: OpeningAbout(opening: opening.digest).value), by: aggregate.signing)
            aggregate.post.publish(
                WireMessage(
                    .offer, from: aggregate.stage, epoch: 1, document: offer.bytes, signature: offer.signature.bytes,
                    bulk: payload), topic: Topic.to(encrypt))
        }
        send(.record, aggregate.stage.cloud, record.bytes)
        for (cloud, payload) in evidence { send(.evidence, try CloudName(cloud), payload) }
    }

    /// The same again and again, for a stage that may not have heard it, until it answers.
    func showUntilAnswered(
        _ record: RoundRecord, evidence: [(cloud: String, payload: [UInt8])], of opening: Signed<Opening>,
        term: UInt32 = 0
    ) async throws -> Receipt {
        let digest = Digest(ofContent: record.bytes)
        for _ in 0..<60 where aggregate.count({ Self.receipt(in: $0, digest) != nil }) == 0 {
            try show(record, evidence: evidence, of: opening, term: term)
            try await Task.sleep(for: .seconds(1))
        }
        return try await answer(to: record, of: opening.content.round.value)
    }

    /// The digests of what north has offered publish as its share of a round's opening.
    func shares(of round: UInt32) -> Set<Digest> {
        Set(publish.all.compactMap { Self.offer(in: $0, .share, RoundNumber(round))?.digest })
    }

    /// North's share of a round's opening.
    func share(of round: UInt32) async throws -> (offer: Offer, row: [UInt8]) {
        let (message, row) = try await publish.transfer("a share of round \(round)") {
            $0.name.kind == .share && $0.name.round == RoundNumber(round)
        }
        return (try Offer(decodeDocument(message.document)), row)
    }

    func hasShare(of round: UInt32) -> Bool {
        publish.count { Self.offer(in: $0, .share, RoundNumber(round)) != nil } > 0
    }

    /// How north answered the record of a round.
    func answer(to record: RoundRecord, of round: UInt32) async throws -> Receipt {
        let digest = Digest(ofContent: record.bytes)
        let message = try await aggregate.message("an answer to the record of round \(round)") {
            Self.receipt(in: $0, digest) != nil
        }
        return try Receipt(decodeDocument(message.document))
    }

    private static func offer(in message: WireMessage, _ kind: TransferKind, _ round: RoundNumber) -> Offer? {
        guard message.kind == .offer, let value = try? decodeDocument(message.document),
            let offer = try? Offer(value), offer.name.kind == kind, offer.name.round == round
        else { return nil }
        return offer
    }

    private static func receipt(in message: WireMessage, _ digest: Digest) -> Receipt? {
        guard message.kind == .receipt, let value = try? decodeDocument(message.document),
            let receipt = try? Receipt(value), receipt.digest == digest
        else { return nil }
        return receipt
    }
}
