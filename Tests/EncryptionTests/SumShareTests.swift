import Encryption
import Federation
import Foundation
import Privacy
import Sodium
import Testing

/// What comes out of a sum that clouds have put noise in.
@Suite("Noise in an opened sum") struct SumShareTests {
    private static let values = 4000

    private func opening(
        noise: Double?, key: PaillierPublicKey? = nil, bits: Int = 20, clip: Double = 3, values: Int = values
    ) throws -> Opening {
        let digest = Digest(of: [1])
        let sum = try noise.map {
            try #require(
                PrivacyPlan.SumNoise.fitting(
                    noise: $0, honest: 2, range: 0.5, clip: clip, dimension: values, bits: bits))
        }
        return Opening(
            run: try RunName("demo"), round: RoundNumber(7), purpose: .update,
            seat: Seat(try StageName("office/aggregate")),
            layout: try VectorLayout([.init(name: "b", shape: [values], range: 0.5)]), bits: bits,
            suite: key == nil ? .clear : .paillier, keyID: key?.id.bytes ?? [], profile: key?.profile.rawValue ?? "",
            clipNorm: clip,
            cohort: try ["a", "b", "c"].map { Member(cloud: try CloudName($0), weight: 1) }, quorum: 3,
            minimumCohort: 3, deadline: 0, startsFrom: RoundNumber(0), adapterDigest: digest,
            adapter: AdapterPlan(
                rank: 1, alpha: 1, targets: [], trains: "b", seed: 0, baseModel: "none",
                baseDigest: digest.description, tokenizerDigest: digest.description),
            training: TrainingPlan(
                steps: 1, batchSize: 8, learningRate: 0.01, weightDecay: 0, gradientClip: 0, seed: 1), split: nil,
            privacy: sum.map { PrivacyPlan(training: nil, sum: $0, delta: 1e-5) })
    }

    /// The opened mean-free sum of three clouds' updates, in real values, less the exact one.
    private func errors(_ opening: Opening, _ updates: [[Float]]) throws -> [Double] {
        let round = try RoundScheme(opening, key: nil)
        let accumulator = round.scheme.makeAccumulator()
        for (cloud, update) in zip(opening.cohort, updates) {
            let rounding = StochasticRounding(
                secret: try SecretBytes.random(count: 32), run: opening.run, round: opening.round, cloud: cloud.cloud)
            var sealed: [UInt8] = []
            _ = try update.withUnsafeBytes { bytes in
                try round.seal(.update(bytes, weight: 1, rounding: rounding), threads: 1) { sealed += $0 }
            }
            try accumulator.add(sealed, sealing: round.scheme.sealing, threads: 1)
        }
        let opener = try #require(round.scheme as? ClearScheme)
        let sums = try opener.open(accumulator.sum(), sealing: round.scheme.sealing, contributions: 3, threads: 1)
        let real = try round.quantiser.dequantise(sums, contributions: 3)
        return real.indices.map { index in real[index] - updates.reduce(0) { $0 + Double($1[index]) } }
    }

    private let updates: [[Float]] = (0..<3).map { cloud in
        (0..<SumShareTests.values).map { Float(sin(Double($0 * (cloud + 2)))) * 0.03 }
    }

    @Test("It has the deviation of all shares, and its mean is 0; without them it is the sum to a step")
    func deviation() throws {
        let noisy = try opening(noise: 2)
        let sum = try #require(noisy.privacy?.sum)
        let step = 0.5 / Double(sum.steps)
        // Three shares where two are counted on.
        let expected = (3 * Double(sum.variance)).squareRoot() * step
        #expect(expected > 2 * 3)
        let found = try errors(noisy, updates)
        let n = Double(found.count)
        let mean = found.reduce(0, +) / n
        let deviation = (found.reduce(0) { $0 + $1 * $1 } / n).squareRoot()
        #expect(abs(mean) < 5 * expected / n.squareRoot())
        // Rounding adds a quarter of a step squared a cloud at most.
        #expect(abs(deviation / expected - 1) < 5 / (2 * n).squareRoot() + 1e-3)
        // Neighbouring values' noise does not go together.
        let together = zip(found, found.dropFirst()).reduce(0) { $0 + $1.0 * $1.1 } / n
        #expect(abs(together) < 5 * expected * expected / n.squareRoot())
        // The control: the same without noise.
        let exact = try errors(opening(noise: nil), updates)
        #expect(exact.allSatisfy { abs($0) <= 3 * 0.5 / Double((1 << 19) - 1) * 1.001 })
        // And the noise is drawn anew each time.
        #expect(try errors(noisy, updates) != found)
    }

    @Test("Where a cloud proves that it knows what it sealed, what it sealed has noise too")
    func recorded() throws {
        let key = try TestKeys.first.get()
        let opening = try opening(noise: 2, key: key.publicKey, values: 200)
        let sum = try #require(opening.privacy?.sum)
        let round = try RoundScheme(opening, key: key.publicKey)
        let recorded = try #require(round.recording()).round
        let rounding = StochasticRounding(
            secret: try SecretBytes.random(count: 32), run: opening.run, round: opening.round,
            cloud: opening.cohort[0].cloud)
        var sealed: [UInt8] = []
        _ = try [Float](repeating: 0, count: 200).withUnsafeBytes { bytes in
            try recorded.seal(.update(bytes, weight: 1, rounding: rounding), threads: 1) { sealed += $0 }
        }
        let values = try round.opener(key).open(
            sealed, sealing: round.scheme.sealing, contributions: 1, threads: 1
        ).map { Double($0) - Double(1 << 19) }
        let deviation = (values.reduce(0) { $0 + $1 * $1 } / 200).squareRoot()
        #expect(abs(deviation / Double(sum.variance).squareRoot() - 1) < 5 / 400.0.squareRoot())
    }

    @Test("An update that is longer than the clip norm is shortened before noise is put on it")
    func shortened() throws {
        // Noise so small that the shortening is seen through it.
        let noisy = try opening(noise: 0.001, bits: 30, clip: 0.5)
        let long = [[Float]](repeating: [Float](repeating: 0.1, count: Self.values), count: 3)
        let length = 0.1 * Double(Self.values).squareRoot()
        let found = try errors(noisy, long)
        let mean = found.reduce(0, +) / Double(found.count)
        let expected = 0.3 * (0.5 / length - 1)
        #expect(abs(mean / expected - 1) < 1e-2)
    }

    @Test("An opening whose noise is less than it says is not sealed for")
    func lying() throws {
        let base = try opening(noise: 2)
        let sum = try #require(base.privacy?.sum)
        let lying = Opening(
            run: base.run, round: base.round, purpose: .update, seat: base.seat, layout: base.layout, bits: base.bits,
            suite: .clear, keyID: [], profile: "", clipNorm: base.clipNorm, cohort: base.cohort, quorum: 3,
            minimumCohort: 3, deadline: 0, startsFrom: base.startsFrom, adapterDigest: base.adapterDigest,
            adapter: base.adapter, training: base.training, split: nil,
            privacy: PrivacyPlan(
                training: nil,
                sum: .init(noise: 2, honest: 2, steps: sum.steps, variance: sum.variance / 4), delta: 1e-5))
        #expect(throws: EncryptionError.self) { try RoundScheme(lying, key: nil) }
    }
}
