import Encryption
import Federation
import Keys
import MessagePack
import Sodium
import StageKit
import Synchronization
import Topology

/// One real stage of a federation under `suite: secagg`, north's encrypt or aggregate. The test is all others, with their keys,
/// and says on the wire whatever it likes; each message once, for a test has no patience to offer again.
final class MaskedStand: Sendable {
    let run: FederationRun
    let real: StageName
    let stages: [StageName: ScriptedStage]
    let publisher: StageName
    let aggregate: StageName
    let encrypts: [StageName]
    private let sequence = Atomic<UInt64>(0)

    static let values = 40

    init(real kind: StageKind) async throws {
        let run = try FederationRun(.init(suite: .secagg))
        let (publisher, aggregate) = (run.topology.publish, run.topology.aggregate)
        let encrypts = run.topology.dataClouds.sorted().map { StageName(cloud: $0, kind: .encrypt) }
        let real = kind == .encrypt ? run.stage(.encrypt, "north") : aggregate
        (self.run, self.real, self.publisher, self.aggregate, self.encrypts) = (
            run, real, publisher, aggregate, encrypts
        )
        let played =
            kind == .encrypt ? [publisher, aggregate, run.stage(.localTrain, "north")] : [publisher] + encrypts
        stages = try Dictionary(
            uniqueKeysWithValues: played.map { stage in
                let whole = try PostPlan(topology: run.topology, keys: run.keys, stage: stage)
                let plan = PostPlan(
                    stage: stage, hub: [.publish, .aggregate].contains(stage.kind) ? whole.hub : nil,
                    dials: whole.dials.filter { $0.hub == real }, curvePublic: whole.curvePublic,
                    curveSecret: whole.curveSecret)
                return (stage, try ScriptedStage(stage, in: run, plan: plan))
            })
        try run.start(real)
        for stage in stages.values {
            if [.publish, .aggregate].contains(stage.stage.kind) {
                try await stage.joined(real)
            } else {
                _ = try await stage.message("a beat of \(real)") { $0.kind == .beat }
            }
        }
    }

    deinit { for stage in stages.values { stage.post.stop() } }

    func played(_ stage: StageName) throws -> ScriptedStage {
        guard let found = stages[stage] else { throw FederationRun.Failure(description: "\(stage) is not played") }
        return found
    }

    func signed<Content: Declaration>(_ content: Content, by stage: StageName) throws -> Signed<Content> {
        Signed(content, by: try run.keys.signingKey(of: stage))
    }

    // MARK: publish

    func open(_ round: UInt32) async throws -> Signed<Opening> {
        let opening = try signed(
            Opening(
                run: run.topology.run, round: RoundNumber(round), purpose: .update, seat: Seat(run.topology.aggregate),
                layout: try VectorLayout([.init(name: "values", shape: [Self.values], range: 1)]), bits: 12,
                suite: .secagg, keyID: [], profile: "", clipNorm: 1,
                cohort: encrypts.map { Member(cloud: $0.cloud, weight: 1) }, quorum: 3, minimumCohort: 3,
                deadline: 4_000_000_000_000, startsFrom: RoundNumber(0), adapterDigest: Digest(ofContent: [0]),
                adapter: AdapterPlan(
                    rank: 1, alpha: 1, targets: [], trains: "b", seed: 1, baseModel: "", baseDigest: "",
                    tokenizerDigest: ""),
                training: TrainingPlan(
                    steps: 1, batchSize: 1, learningRate: 0, weightDecay: 0, gradientClip: 0, seed: 1), split: nil),
            by: publisher)
        try announce(opening)
        _ = try await run.event("round_joined", of: real, round: Int(round))
        return opening
    }

    func abandon(_ opening: Signed<Opening>) throws {
        try announce(
            signed(
                Abandonment(
                    run: run.topology.run, round: opening.content.round, opening: opening.digest, missing: [],
                    reason: "a test"), by: publisher))
    }

    private func announce<Content>(_ document: Signed<Content>) throws {
        guard let kind = MessageKind(rawValue: Content.kind) else { return }
        try played(publisher).post.publish(
            WireMessage(
                kind, from: publisher, epoch: 1, sequence: sequence.add(1, ordering: .relaxed).newValue,
                document: document.bytes, signature: document.signature.bytes), topic: Topic.all)
    }

    // MARK: transfers

    /// Offers a transfer to the real stage, all of it in its first chunk.
    func send(
        _ kind: TransferKind, _ payload: [UInt8], from sender: StageName, to opening: Signed<Opening>,
        about: (any OfferAbout)? = nil, part: UInt32 = 0
    ) throws {
        let offer = try signed(
            Offer(
                name: TransferName(
                    run: run.topology.run, kind: kind, round: opening.content.round, cloud: sender.cloud, part: part),
                maker: sender, byteCount: payload.count, digest: Digest(ofContent: payload),
                about: (about ?? OpeningAbout(opening: opening.digest)).value), by: sender)
        let message = WireMessage(
            .offer, from: sender, epoch: 1, document: offer.bytes, signature: offer.signature.bytes, bulk: payload)
        // Who is dialled by the real stage answers by its news.
        if sender == publisher || sender == aggregate {
            try played(sender).post.publish(message, topic: Topic.to(real))
        } else {
            try played(sender).post.push(message, to: real)
        }
    }

    /// How the real stage answers a transfer with this payload.
    func receipt(of payload: [UInt8], to sender: StageName) async throws -> Receipt {
        let digest = Digest(ofContent: payload)
        let message = try await played(sender).message("an answer to \(sender)") {
            Self.receipt(in: $0)?.digest == digest
        }
        return try Receipt(decodeDocument(message.document))
    }

    private static func receipt(in message: WireMessage) -> Receipt? {
        guard message.kind == .receipt, let value = try? decodeDocument(message.document) else { return nil }
        return try? Receipt(value)
    }

    /// The payload of a transfer that the real stage offers.
    func payload(
        _ kind: TransferKind, of opening: Signed<Opening>, to receiver: StageName
    ) async throws -> [UInt8] {
        try await played(receiver).transfer("\(kind.rawValue) of round \(opening.content.round)") {
            $0.name.kind == kind && $0.name.round == opening.content.round
        }.payload
    }

    func count(_ kind: TransferKind, of opening: Signed<Opening>, to receiver: StageName) throws -> Int {
        let round = opening.content.round
        let offers = try played(receiver).all.filter { $0.kind == .offer }
            .compactMap { try? Offer(decodeDocument($0.document)) }
        return Set(offers.filter { $0.name.kind == kind && $0.name.round == round }.map(\.digest)).count
    }
}

/// What the parties that a test plays know in one masked round.
struct MaskedPlay {
    let opening: Signed<Opening>
    let terms: MaskingTerms
    let signers: MaskingSigners
    let publisherKeys: MaskingKeys
    let secrets: [StageName: CloudSecrets]

    /// - Parameter clouds: those that are played.
    init(_ stand: MaskedStand, _ opening: Signed<Opening>, clouds: [StageName]) throws {
        self.opening = opening
        terms = try MaskingTerms(opening.content, digest: opening.digest, publisher: stand.publisher)
        signers = try Dictionary(
            uniqueKeysWithValues: (stand.encrypts + [stand.publisher]).map {
                ($0, try stand.run.keys.card(of: $0).verifying)
            })
        publisherKeys = try MaskingKeys(of: stand.publisher, terms: terms)
        let terms = terms
        secrets = try Dictionary(
            uniqueKeysWithValues: clouds.map { ($0, try CloudSecrets(of: $0, terms: terms)) })
    }

    func key(of stage: StageName) throws -> any SignatureVerifier {
        guard let key = signers[stage] else { throw MaskingError.unknownSigner(stage) }
        return key
    }

    var layout: VectorLayout { opening.content.layout }
    var slots: SlotLayout { get throws { try SlotLayout(bits: opening.content.bits, cohort: terms.clouds.count) } }

    /// Takes the masks off the sum of payloads.
    func open(
        _ payloads: [[UInt8]], _ members: MaskMembers, _ survivors: MaskSurvivors,
        _ disclosures: [Signed<MaskDisclosure>]
    ) throws -> [UInt64] {
        let scheme = MaskedScheme(agreement: members.digest, layout: layout, slots: try slots)
        let accumulator = scheme.makeAccumulator()
        for payload in payloads { try accumulator.add(payload, sealing: scheme.sealing, threads: 1) }
        var unmasking = try Unmasking(publisherKeys, members: members, survivors: survivors)
        for disclosure in disclosures { try unmasking.add(disclosure, signers: signers) }
        return try unmasking.opener(layout: layout, slots: slots).open(
            accumulator.sum(), sealing: scheme.sealing, contributions: payloads.count, threads: 1)
    }

    func about(_ members: Digest, weight: UInt32 = 1) -> ContributionAbout {
        ContributionAbout(answering: opening, masks: MaskAgreement.name(members), weight: weight)
    }
}
