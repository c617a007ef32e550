import Federation
import Foundation
import Privacy
import Sodium
import Testing

/// An update's opening over three clouds.
func update(
    steps: Int = 10, training: PrivacyPlan.Steps? = nil, sumNoise: Double? = nil, honest: Int = 2, bits: Int = 16,
    values: Int = 1000
) throws -> Opening {
    let digest = Digest(of: [1])
    let sum = try sumNoise.map {
        try #require(
            PrivacyPlan.SumNoise.fitting(
                noise: $0, honest: honest, range: 0.1, clip: 2, dimension: values, bits: bits))
    }
    return Opening(
        run: try RunName("demo"), round: RoundNumber(7), purpose: .update,
        seat: Seat(try StageName("office/aggregate")),
        layout: try VectorLayout([.init(name: "b", shape: [values], range: 0.1)]), bits: bits, suite: .clear, keyID: [],
        profile: "", clipNorm: 2, cohort: try ["a", "b", "c"].map { Member(cloud: try CloudName($0), weight: 1) },
        quorum: 3, minimumCohort: 3, deadline: 0, startsFrom: RoundNumber(0), adapterDigest: digest,
        adapter: AdapterPlan(
            rank: 1, alpha: 1, targets: [], trains: "b", seed: 0, baseModel: "none", baseDigest: digest.description,
            tokenizerDigest: digest.description),
        training: TrainingPlan(
            steps: steps, batchSize: 8, learningRate: 0.01, weightDecay: 0, gradientClip: 0, seed: 1), split: nil,
        privacy: training == nil && sum == nil ? nil : PrivacyPlan(training: training, sum: sum, delta: 1e-5))
}

@Suite("What was spent") struct LedgerTests {
    private let steps = PrivacyPlan.Steps(unit: .patient, clip: 1, noise: 1.1, rate: 0.05)

    @Test("Updates compose as their steps do, and the ledger comes back from a journal")
    func composition() throws {
        var ledger = PrivacyLedger()
        #expect(ledger.epsilon(of: .patient, delta: 1e-5) == 0)
        for _ in 0..<6 { ledger.spend(try update(training: steps)) }
        let expected = (SampledGaussian(rate: 0.05, multiplier: 1.1).curve * 60).epsilon(delta: 1e-5)
        #expect(ledger.epsilon(of: .patient, delta: 1e-5) == expected)
        #expect(ledger.epsilon(of: .record, delta: 1e-5) == expected)
        #expect(ledger.steps.count == 1 && ledger.steps[0].count == 60)
        // Sums had none.
        #expect(ledger.epsilonOfCloud(delta: 1e-5) == .infinity)
        #expect(PrivacyLedger(encoded: ledger.encoded) == ledger)
        // Other noise is another entry.
        ledger.spend(try update(training: .init(unit: .patient, clip: 1, noise: 2, rate: 0.05)))
        #expect(ledger.steps.count == 2)
        #expect(ledger.epsilon(of: .patient, delta: 1e-5) > expected)
        #expect(PrivacyLedger(encoded: ledger.encoded) == ledger)
    }

    @Test("An update without noise, or under one that protects records alone, promises a patient nothing")
    func bare() throws {
        var ledger = PrivacyLedger()
        ledger.spend(try update(training: .init(unit: .record, clip: 1, noise: 1.1, rate: 0.05)))
        #expect(ledger.epsilon(of: .record, delta: 1e-5) < 10)
        #expect(ledger.epsilon(of: .patient, delta: 1e-5) == .infinity)
        ledger.spend(try update())
        #expect(ledger.epsilon(of: .record, delta: 1e-5) == .infinity)
        #expect(PrivacyLedger.unknown.epsilon(of: .record, delta: 1e-5) == .infinity)
    }

    @Test("Sums compose as their mechanism does")
    func sums() throws {
        var ledger = PrivacyLedger()
        let opening = try update(sumNoise: 3)
        for _ in 0..<5 { ledger.spend(opening) }
        let mechanism = try #require(opening.sumMechanism)
        let expected = (mechanism.curve * 5).epsilon(delta: 1e-5)
        let found = ledger.epsilonOfCloud(delta: 1e-5)
        #expect(abs(found - expected) < 1e-9 * expected)
        // Near the Gaussian mechanism's at the same multiplier, and never below it.
        let gaussian = (SampledGaussian(rate: 1, multiplier: 3).curve * 5).epsilon(delta: 1e-5)
        #expect(found < gaussian * 1.001 && found > gaussian * (1 - 1e-6))
        #expect(PrivacyLedger(encoded: ledger.encoded) == ledger)
        #expect(ledger.epsilon(of: .patient, delta: 1e-5) == .infinity)
    }

    @Test(
        "A damaged note is none",
        arguments: ["", "bare 1", "bare 1 -1", "steps patient 2 1 1", "sum 0 1 1 1 1", "sum 1 nan 1 1 1", "other 1"])
    func damaged(text: String) {
        #expect(PrivacyLedger(encoded: Array(text.utf8)) == nil)
    }
}

@Suite("Noise in a sum") struct SumNoiseTests {
    @Test("Steps and tails fill the slots' values, and the shares make what was asked for")
    func fitting() throws {
        for bits in [10, 12, 16, 24, 32] {
            for (noise, honest) in [(0.5, 1), (2.0, 2), (8.0, 5)] {
                guard
                    let sum = PrivacyPlan.SumNoise.fitting(
                        noise: noise, honest: honest, range: 0.1, clip: 2, dimension: 100, bits: bits)
                else {
                    #expect(bits <= 12)
                    continue
                }
                let mechanism = sum.mechanism(range: 0.1, clip: 2, dimension: 100)
                // By hand: the longest update is clip / range times the steps, and rounding makes it a root of the values longer.
                #expect(mechanism.sensitivity == 20 * Double(sum.steps) + 10)
                let deviation = (Double(sum.variance) * Double(honest)).squareRoot()
                #expect(deviation >= noise * mechanism.sensitivity * (1 - 1e-12))
                #expect(UInt64(sum.steps) + DiscreteGaussian.bound(sum.variance) <= 1 << UInt64(bits - 1) - 1)
            }
        }
    }

    @Test("Bits without room for a step and the tails are refused")
    func room() throws {
        #expect(
            PrivacyPlan.SumNoise.fitting(noise: 4, honest: 1, range: 0.01, clip: 1, dimension: 100_000, bits: 8) == nil)
        let good = try update(sumNoise: 2)
        #expect(good.sumNoiseFault == nil)
        let sum = try #require(good.privacy?.sum)
        for spoiled in [
            PrivacyPlan.SumNoise(noise: sum.noise, honest: sum.honest, steps: sum.steps, variance: sum.variance / 2),
            .init(noise: sum.noise * 1.01, honest: sum.honest, steps: sum.steps, variance: sum.variance),
            .init(noise: sum.noise, honest: sum.honest, steps: sum.steps + 500, variance: sum.variance * 4),
        ] {
            let lying = try opening(good, with: spoiled)
            #expect(lying.sumNoiseFault != nil)
        }
    }

    private func opening(_ base: Opening, with sum: PrivacyPlan.SumNoise) throws -> Opening {
        Opening(
            run: base.run, round: base.round, purpose: .update, seat: base.seat, layout: base.layout, bits: base.bits,
            suite: .clear, keyID: [], profile: "", clipNorm: base.clipNorm, cohort: base.cohort, quorum: 3,
            minimumCohort: 3, deadline: 0, startsFrom: base.startsFrom, adapterDigest: base.adapterDigest,
            adapter: base.adapter, training: base.training, split: nil,
            privacy: PrivacyPlan(training: nil, sum: sum, delta: 1e-5))
    }
}
