import Encryption
import Federation
import Sodium

/// Packed Paillier over a part of the values, the others in clear with noise, as a round of a run has it.
final class SelectiveWork: SealingWork {
    private let values: BenchValues
    private let scheme: RoundScheme
    private let opener: PaillierOpener
    private let rounding: StochasticRounding
    private let cohort: Int
    private let threads: Int
    private var payload: [UInt8] = []
    /// Of the whole cohort, made when they are first needed.
    private var payloads: [[UInt8]] = []
    private var sum: [UInt8] = []
    private var opened: [Double] = []
    var payloadBytes: Int { payload.count }
    var sumBytes: Int { sum.count }

    /// - Parameter fraction: the part that is encrypted, from every place of the vector alike; 1 for all.
    init(_ values: BenchValues, bits: Int, cohort: Int, threads: Int, key: PaillierPrivateKey, fraction: Double) throws
    {
        self.values = values
        self.cohort = cohort
        self.threads = threads
        let run = try RunName("bench")
        let clouds = try (0..<cohort).map { Member(cloud: try CloudName("cloud-\($0)"), weight: 1) }
        // Hashed places: which values are sensitive has no order either.
        let order = (0..<values.layout.count).map { Double(($0 &* 2_654_435_761) & 0xffff_ffff) }
        let encryption: PartialEncryption? =
            fraction < 1
            ? .selective(try SensitivityRanking.mask(of: order, fraction: fraction), noise: 0.5) : nil
        let opening = Opening(
            run: run, round: RoundNumber(1), purpose: .update, seat: Seat(try StageName("office/aggregate")),
            layout: values.layout, bits: bits, suite: .paillier,
            keyID: key.publicKey.id.bytes, profile: key.publicKey.profile.rawValue, clipNorm: 1, cohort: clouds,
            quorum: cohort, minimumCohort: cohort, deadline: 0, startsFrom: RoundNumber(0),
            adapterDigest: Digest(of: []),
            adapter: AdapterPlan(
                rank: 1, alpha: 1, targets: [], trains: "b", seed: 1, baseModel: "none", baseDigest: "",
                tokenizerDigest: ""),
            training: TrainingPlan(
                steps: 1, batchSize: 1, learningRate: 0, weightDecay: 0, gradientClip: 0, seed: 1), split: nil,
            encryption: encryption)
        scheme = try RoundScheme(opening, key: key.publicKey)
        opener = PaillierOpener(key: key, layout: scheme.layout, slots: scheme.slots)
        rounding = StochasticRounding(
            secret: try SecretBytes.random(count: KeyStream.keyByteCount), run: run, round: opening.round,
            cloud: clouds[0].cloud)
        key.publicKey.blindingTable(threads: threads)
    }

    func encrypt() throws -> Elapsed {
        try Elapsed.measure { payload = try sealed(cloud: 0) }
    }

    private func sealed(cloud: Int) throws -> [UInt8] {
        var payload: [UInt8] = []
        payload.reserveCapacity(scheme.byteCount)
        _ = try values.vector(of: cloud).withUnsafeBytes { bytes in
            try scheme.seal(.update(bytes, weight: 1, rounding: rounding), threads: threads) { payload += $0 }
        }
        return payload
    }

    func aggregate() throws -> Elapsed {
        if payloads.isEmpty { payloads = try values.payloads(cohort: cohort, seal: sealed) }
        return try Elapsed.measure {
            let accumulator = scheme.makeAccumulator()
            for payload in payloads { try accumulator.add(payload, sealing: scheme.scheme.sealing, threads: threads) }
            sum = try accumulator.sum()
        }
    }

    func open() throws -> Elapsed {
        if sum.isEmpty { _ = try aggregate() }
        return try Elapsed.measure {
            opened = []
            try sum.withUnsafeBytes { sum in
                try scheme.decode(
                    sum, contributions: cohort,
                    open: {
                        try opener.open(
                            scheme.encryptedPart(of: sum), units: $0, sealing: scheme.scheme.sealing,
                            contributions: cohort, threads: threads)
                    }, { opened += $1 })
            }
        }
    }

    /// With the noise in them.
    var errors: (largest: Double, rms: Double) { values.errors(opened, contributions: cohort) }
}
