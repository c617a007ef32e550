import Federation
import MessagePack
import Sodium

/// A value, and a reader that answers the value of what it read.
struct Sample: Sendable {
    let name: String
    let value: Value
    let read: @Sendable (Value) throws -> Value

    init(_ name: String, _ value: Value, _ read: @escaping @Sendable (Value) throws -> Value) {
        self.name = name
        self.value = value
        self.read = read
    }
}

/// One well-formed sample of everything that is said on the wire. Fixed, so that the golden vectors stay what they are.
enum Samples {
    static let run = fine { try RunName("trial-7") }
    static let north = fine { try CloudName("north") }
    static let west = fine { try CloudName("west") }
    static let office = fine { try CloudName("office") }
    static let publish = StageName(cloud: office, kind: .publish)
    static let seat = Seat(StageName(cloud: office, kind: .aggregate), term: 2)
    static let encrypt = StageName(cloud: north, kind: .encrypt)
    static let digest = Digest(of: Array("a digest".utf8))
    static let key = fine {
        try SigningKey(seed: SecretBytes(count: 32) { for index in 0..<32 { $0[index] = UInt8(index) } })
    }
    static let layout = fine {
        try VectorLayout([
            .init(name: "layers.0.q_proj.lora_B.weight", shape: [8, 2], range: 0.072),
            .init(name: "score.died", shape: [4], range: 2_147_483_647),
        ])
    }
    static let plan = AdapterPlan(
        rank: 16, alpha: 32, targets: ["q_proj", "down_proj"], trains: "b", seed: 7, baseModel: "tributary-base",
        baseDigest: digest.description, tokenizerDigest: digest.description)
    static let training = plan(
        .balanced([.init(cloud: north, steps: 16), .init(cloud: west, steps: 4)]))

    private static func plan(_ pacing: Pacing) -> TrainingPlan {
        TrainingPlan(
            steps: 12, batchSize: 32, learningRate: 0.006, weightDecay: 0.01, gradientClip: 1, proximal: 0.01,
            seed: 1 << 63,
            outer: .nesterov(rate: 0.7, momentum: 0.9),
            weighting: WeightingPlan(
                rule: Weighting(.quality, beta: 1, cap: 2),
                inputs: [
                    .init(cloud: north, records: 384, loss: 512, transfer: 48),
                    .init(cloud: west, records: 1, loss: nil, transfer: nil),
                ]), pacing: pacing)
    }
    static let cohort = [Member(cloud: north, weight: 384), Member(cloud: west, weight: 1)]

    static let mask = fine { try ValueMask(places: [0, 3, 8, 19], of: layout.count) }
    static let partial: [PartialEncryption] = [.selective(mask, noise: 0.5), .literal(omega: 0.75)]

    static func opening(
        _ purpose: Purpose, suite: Suite = .paillier, encryption: PartialEncryption? = nil,
        compression: CompressionPlan? = nil
    ) -> Opening {
        Opening(
            run: run, round: RoundNumber(4), purpose: purpose, seat: seat, layout: layout, bits: 12, suite: suite,
            keyID: suite == .paillier ? Array(digest.bytes.prefix(16)) : [],
            profile: suite == .paillier ? "conservative" : "", clipNorm: 10, cohort: cohort, quorum: 2,
            minimumCohort: 2,
            deadline: 1_800_000_000_000, startsFrom: RoundNumber(2), adapterDigest: digest, adapter: plan,
            training: purpose == .update ? (encryption?.formula == .literal ? plan(.even) : training) : nil,
            split: purpose == .evaluation ? .test : nil,
            encryption: encryption, compression: compression)
    }

    static let privacy = PrivacyPlan(
        training: .init(unit: .patient, clip: 0.5, noise: 1.25, rate: 0.0625),
        sum: .init(noise: 2, honest: 1, steps: 12, variance: 90_000), delta: 1e-5)

    static func privateOpening(
        _ privacy: PrivacyPlan = privacy, training: TrainingPlan? = nil, pace: Pace? = nil
    ) -> Opening {
        Opening(
            run: run, round: RoundNumber(4), purpose: .update, seat: seat,
            layout: fine { try layout.ranging(over: layout.segments.map { _ in 0.072 }) }, bits: 12, suite: .clear,
            keyID: [], profile: "", clipNorm: 10, cohort: cohort, quorum: 2, minimumCohort: 2,
            deadline: 1_800_000_000_000, startsFrom: RoundNumber(2), adapterDigest: digest, adapter: plan,
            training: training
                ?? TrainingPlan(
                    steps: 12, batchSize: 32, learningRate: 0.006, weightDecay: 0.01, gradientClip: 0, seed: 1),
            split: nil, pace: pace, privacy: privacy)
    }

    static let compression = CompressionPlan(
        scales: .released, margin: 2, limit: 0.072, feedback: 0.75, fraction: 0.2, rotation: 0.25, turn: 3,
        since: RoundNumber(1), places: mask)

    static func release(_ purpose: Purpose) -> Release {
        Release(
            run: run, round: RoundNumber(4), purpose: purpose, opening: digest, cohort: cohort,
            sums: purpose == .statistics ? [1, -2.5, 1e300] : [],
            metrics: purpose == .evaluation ? ["auroc": 0.8125, "patients": 40] : [:],
            adapterDigest: purpose == .update ? digest : nil, heldBy: purpose == .update ? [north] : [],
            isFinal: purpose == .evaluation)
    }

    static let abandonment = Abandonment(
        run: run, round: RoundNumber(4), opening: digest, missing: [west],
        reason: "the deadline passed without a quorum")
    static let appointment = Appointment(
        run: run, round: RoundNumber(4), opening: digest, seat: Seat(StageName(cloud: west, kind: .aggregate), term: 3))
    static let name = TransferName(run: run, kind: .contribution, round: RoundNumber(4), cloud: north)
    static let contribution = ContributionAbout(
        opening: digest, suite: .paillier, profile: "conservative", keyID: Array(digest.bytes.prefix(16)), bits: 12,
        room: 2, weight: 384, loss: 512, trained: 960, helped: helped, proof: [7, 8, 9])
    static let helped = HelpedSum(round: RoundNumber(3), clouds: [north, west])
    static let offer = Offer(name: name, maker: encrypt, byteCount: 300_000, digest: digest, about: contribution.value)
    static let receipt = Receipt(name: name, digest: digest, outcome: .refused, reason: "round 4 has been closed")

    static let partition = fine {
        try WorkerPartition(number: 2, parts: [.init(worker: 1, records: 80), .init(worker: 2, records: 40)])
    }

    /// What an offer may say of its contents.
    static let abouts: [Sample] = [
        Sample(
            "shard", ShardAbout(split: "train", examples: 40, tokenizer: digest.description, count: 3).value,
            { try ShardAbout($0).value }),
        Sample(
            "shard-of-worker",
            ShardAbout(split: "train", examples: 40, tokenizer: digest.description, count: 1, partition: partition)
                .value,
            { try ShardAbout($0).value }),
        Sample(
            "vector",
            VectorAbout(opening: digest, records: 40, loss: 517, trained: 960, base: RoundNumber(3), unit: .record)
                .value,
            { try VectorAbout($0).value }),
        Sample(
            "vector-of-worker",
            VectorAbout(opening: digest, records: 40, trained: 960, partition: partition).value,
            { try VectorAbout($0).value }),
        Sample(
            "speeds",
            SpeedsAbout(
                partition: 2,
                works: [
                    .init(worker: 1, examples: 640, milliseconds: 1001),
                    .init(worker: 2, examples: 320, milliseconds: 990),
                ]
            ).value, { try SpeedsAbout($0).value }),
        Sample("contribution", contribution.value, { try ContributionAbout($0).value }),
        Sample(
            "sum",
            SumAbout(
                opening: digest, root: digest,
                parts: [
                    .init(cloud: north, weight: 384, digest: digest, transfer: 48, arrival: 1920),
                    .init(cloud: west, weight: 1, digest: digest),
                ]
            ).value, { try SumAbout($0).value }
        ),
        Sample("record", OpeningAbout(opening: digest).value, { try OpeningAbout($0).value }),
        Sample(
            "share", ShareAbout(opening: digest, sum: digest, proof: [1, 2, 3]).value, { try ShareAbout($0).value }),
        Sample("adapter", AdapterAbout(release: digest).value, { try AdapterAbout($0).value }),
        Sample(
            "adapter-change",
            AdapterAbout(release: digest, change: .init(from: RoundNumber(2), whole: digest)).value,
            { try AdapterAbout($0).value }),
        Sample(
            "adapter-sums",
            AdapterAbout(
                release: digest,
                change: .init(
                    from: RoundNumber(2), whole: digest, sums: .init(contributions: 2, totalWeight: 1.5))
            ).value,
            { try AdapterAbout($0).value }),
        Sample(
            "adapter-sums-of-three",
            AdapterAbout(
                release: digest,
                change: .init(
                    from: RoundNumber(2), whole: digest, sums: .init(contributions: 3, totalWeight: 1.25))
            ).value, { try AdapterAbout($0).value }),
        Sample(
            "shortfall",
            ShortfallAbout(opening: digest, missing: [west], reason: "late").value, { try ShortfallAbout($0).value }),
    ]

    /// Every kind of document.
    static let documents: [Sample] =
        Purpose.allCases.flatMap { purpose in
            [
                Sample("opening-\(purpose)", opening(purpose).value, { try Opening($0).value }),
                Sample("release-\(purpose)", release(purpose).value, { try Release($0).value }),
            ]
        } + [
            Sample("abandonment", abandonment.value, { try Abandonment($0).value }),
            Sample("appointment", appointment.value, { try Appointment($0).value }),
            Sample("offer", offer.value, { try Offer($0).value }),
            Sample("receipt", receipt.value, { try Receipt($0).value }),
        ] + masking + paced
        + [
            Sample(
                "opening-compressed", opening(.update, compression: compression).value, { try Opening($0).value }),
            Sample("opening-private", privateOpening().value, { try Opening($0).value }),
        ]
        + partial.map { encryption in
            Sample(
                "opening-\(encryption.formula.rawValue)", opening(.update, encryption: encryption).value,
                { try Opening($0).value })
        }

    /// Every kind of message.
    static let messages: [WireMessage] = [
        message(Signed(opening(.update), by: key), .opening, from: publish, sequence: 3),
        message(Signed(release(.evaluation), by: key), .release, from: publish, sequence: 4),
        message(Signed(abandonment, by: key), .abandonment, from: publish, sequence: 5),
        message(Signed(offer, by: key), .offer, from: encrypt, bulk: [1, 2, 3]),
        WireMessage(
            .want, from: StageName(cloud: office, kind: .aggregate), epoch: 1, transfer: name, first: 1, end: 3),
        WireMessage(.chunk, from: encrypt, epoch: 1, transfer: name, first: 2, bulk: [4, 5, 6]),
        message(Signed(receipt, by: key), .receipt, from: StageName(cloud: office, kind: .aggregate)),
        WireMessage(.hello, from: encrypt, epoch: 2),
        WireMessage(.beat, from: publish, epoch: UInt64.max, sequence: 5),
        WireMessage(.heard, from: encrypt, epoch: 1, document: digest.bytes),
        message(Signed(appointment, by: key), .appointment, from: publish, sequence: 6),
    ]

    private static func message<Content>(
        _ document: Signed<Content>, _ kind: MessageKind, from sender: StageName, sequence: UInt64 = 0,
        bulk: [UInt8] = []
    ) -> WireMessage {
        WireMessage(
            kind, from: sender, epoch: 1, sequence: sequence, document: document.bytes,
            signature: document.signature.bytes, bulk: bulk)
    }

    /// For constants that cannot fail: they are written above.
    private static func fine<Result>(_ make: () throws -> Result) -> Result {
        do { return try make() } catch { preconditionFailure("a sample is not well-formed: \(error)") }
    }
}
