import BigInteger
import Encryption
import Federation
import SeededRandom
import Sodium

/// Openings of updates of which a part is in clear, and three clouds that answer them.
struct SelectiveRound {
    static let names = ["east", "north", "west"]
    static let values = 301
    static let range = 0.25
    static let bits = 12

    let opening: Opening
    let scheme: RoundScheme
    let key: PaillierPublicKey
    let updates: [[Float]]
    let weights: [UInt32]
    private let secrets: [SecretBytes]

    /// The masks and noises of the other rounds go with the same updates and the same rounding.
    init(
        _ encryption: PartialEncryption?, key: PaillierPublicKey, weights: [UInt32] = [4, 2, 1], clipNorm: Double = 1,
        degree: Int = 1, updates given: [[Float]]? = nil
    ) throws {
        self.key = key
        self.weights = weights
        let digest = Digest(of: Array("opening".utf8))
        opening = Opening(
            run: try RunName("demo"), round: RoundNumber(7), purpose: .update,
            seat: Seat(try StageName("office/aggregate")),
            layout: try VectorLayout([
                .init(name: "first", shape: [100], range: SelectiveRound.range),
                .init(name: "second", shape: [201], range: 2 * SelectiveRound.range),
            ]), bits: SelectiveRound.bits, suite: .paillier, keyID: key.id.bytes, profile: key.profile.rawValue,
            degree: degree,
            clipNorm: clipNorm,
            cohort: try zip(SelectiveRound.names, weights).map { Member(cloud: try CloudName($0), weight: $1) },
            quorum: 3, minimumCohort: 3, deadline: 0, startsFrom: RoundNumber(0), adapterDigest: digest,
            adapter: AdapterPlan(
                rank: 1, alpha: 1, targets: [], trains: "b", seed: 0, baseModel: "none",
                baseDigest: digest.description, tokenizerDigest: digest.description),
            training: TrainingPlan(
                steps: 1, batchSize: 1, learningRate: 1, weightDecay: 0, gradientClip: 0, seed: 1), split: nil,
            encryption: encryption)
        scheme = try RoundScheme(opening, key: key)
        var generator = SeededGenerator(seed: 3)
        updates =
            given
            ?? (0..<3).map { _ in
                (0..<SelectiveRound.values).map { _ in Float.random(in: -0.2...0.2, using: &generator) }
            }
        secrets = try (0..<3).map { cloud in
            try SecretBytes(count: KeyStream.keyByteCount) { for index in $0.indices { $0[index] = UInt8(cloud + 1) } }
        }
    }

    static func mask(_ count: Int = 90) throws -> ValueMask {
        var generator = SeededGenerator(seed: 5)
        return try ValueMask(places: (0..<values).shuffled(using: &generator).prefix(count), of: values)
    }

    /// Words of which Box and Muller make zeros.
    static let silence: GaussianNoise.Source = { [UInt8](repeating: 0xff, count: $0) }

    func seal(
        _ cloud: Int, with scheme: RoundScheme? = nil, noise: @escaping GaussianNoise.Source = silence
    ) throws -> (payload: [UInt8], report: RoundScheme.SealingReport) {
        let name = try CloudName(SelectiveRound.names[cloud])
        var payload: [UInt8] = []
        let report = try updates[cloud].withUnsafeBytes { bytes in
            try (scheme ?? self.scheme).seal(
                .update(
                    bytes, weight: Float(opening.foldedWeight(of: name)),
                    rounding: StochasticRounding(
                        secret: secrets[cloud], run: opening.run, round: opening.round, cloud: name)),
                threads: 1, noise: noise
            ) { payload += $0 }
        }
        return (payload, report)
    }

    func sum(_ payloads: [[UInt8]]) throws -> [UInt8] {
        let accumulator = scheme.makeAccumulator()
        for payload in payloads { try accumulator.add(payload, sealing: scheme.scheme.sealing, threads: 1) }
        return try accumulator.sum()
    }

    /// The decoded sum, opened with the whole key.
    func open(_ sum: [UInt8], key: PaillierPrivateKey, contributions: Int = 3) throws -> [Double] {
        let opener = scheme.opener(key)
        return try decode(sum, contributions: contributions) {
            try opener.open(
                scheme.encryptedPart(of: sum), units: $0, sealing: scheme.scheme.sealing,
                contributions: contributions, threads: 1)
        }
    }

    func decode(
        _ sum: [UInt8], contributions: Int = 3, _ open: (Range<Int>) throws -> [UInt64]
    ) throws -> [Double] {
        var decoded: [Double] = []
        try sum.withUnsafeBytes { bytes in
            try scheme.decode(bytes, contributions: contributions, open: open) { places, values in
                precondition(places == decoded.count..<decoded.count + values.count, "in the layout's order")
                decoded += values
            }
        }
        return decoded
    }
}

/// A generator that many threads may draw from, the same in every run.
final class SeededSource: @unchecked Sendable {
    // Tests draw from one thread.
    private var generator: SeededGenerator
    init(seed: UInt64) { generator = SeededGenerator(seed: seed) }

    func bytes(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) } }
}
