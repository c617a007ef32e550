import Federation
import MessagePack
import Testing

@Suite("Openings under noise") struct PrivacyPlanTests {
    private func refusal(_ opening: Opening) -> String? {
        do { _ = try Opening(opening.value) } catch { return "\(error)" }
        return nil
    }

    private func training(_ mode: Weighting.Mode = .fedavg, clip: Double = 0, pacing: Pacing = .even) -> TrainingPlan {
        TrainingPlan(
            steps: 12, batchSize: 32, learningRate: 0.006, weightDecay: 0.01, gradientClip: clip, seed: 1,
            weighting: WeightingPlan(rule: Weighting(mode), inputs: []), pacing: pacing)
    }

    @Test("Noise comes back as it was sent, and is told in words")
    func roundTrip() throws {
        let opening = Samples.privateOpening()
        let back = try Opening(opening.value)
        #expect(back.privacy == Samples.privacy)
        #expect(back.method.contains("DP-SGD (patient, noise 1.25, clip 0.5, rate 0.0625), noise 2.0 in the sum"))
        #expect(try Opening(Samples.opening(.update).value).privacy == nil)
    }

    @Test("What does not go with noise is refused with the reason")
    func refused() throws {
        #expect(refusal(Samples.privateOpening(training: training())) == nil)
        for (plan, reason) in [
            (training(clip: 1), "each unit's gradient is clipped"),
            (
                training(pacing: .balanced(Samples.cohort.map { .init(cloud: $0.cloud, steps: 3) })),
                "same number of steps"
            ),
        ] {
            #expect(refusal(Samples.privateOpening(training: plan))?.contains(reason) == true)
        }
        let late = Pace(mode: .buffered, window: 0, oldest: 2, discount: 0.5, recent: RecentUpdates([]))
        #expect(refusal(Samples.privateOpening(pace: late))?.contains("counts late") == true)
        for (sum, reason) in [
            (
                PrivacyPlan.SumNoise(noise: 2, honest: 3, steps: 12, variance: 90_000),
                "more shares than the smallest cohort"
            ),
            (.init(noise: 2, honest: 1, steps: 1 << 11, variance: 90_000), "do not fit 12 bits"),
            (.init(noise: 2, honest: 1, steps: 12, variance: 0), "privacy.sum.variance"),
            (.init(noise: 2, honest: 1, steps: 12, variance: 1 << 51), "privacy.sum.variance"),
        ] {
            let plan = PrivacyPlan(training: nil, sum: sum, delta: 1e-5)
            #expect(refusal(Samples.privateOpening(plan))?.contains(reason) == true)
        }
        for steps in [
            PrivacyPlan.Steps(unit: .record, clip: 0, noise: 1, rate: 0.1),
            .init(unit: .record, clip: 1, noise: 0, rate: 0.1),
            .init(unit: .record, clip: 1, noise: 1, rate: 0), .init(unit: .record, clip: 1, noise: 1, rate: 1.5),
        ] {
            #expect(refusal(Samples.privateOpening(PrivacyPlan(training: steps, sum: nil, delta: 1e-5))) != nil)
        }
        let nothing = PrivacyPlan(training: nil, sum: nil, delta: 1e-5)
        #expect(refusal(Samples.privateOpening(nothing))?.contains("no noise at all") == true)
    }
}
