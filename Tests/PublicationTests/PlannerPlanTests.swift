import Configuration
import Federation
import Planning
import Publication
import Sodium
import Testing

@Suite("What the planner may choose, and what it has seen")
struct PlannerPlanTests {
    private func read(_ text: String) throws -> PublishConfiguration {
        try ConfigurationFile.decode(text: "values: 10\nrounds: 4\n" + text, file: "/etc/publish.yaml")
    }

    @Test("Without a planner every round asks what the config says; with one its limits follow from it")
    func defaults() throws {
        #expect(try read("").planner.mode == .off)
        #expect(try read("planner: {mode: off}").planner.mode == .off)
        let plan = try read("planner: {}\nlocal-steps: 10\nbits: 11").planner
        #expect(plan.mode == .balance && plan.steps == 3...40 && plan.leastBits == 11)
        let limits = try read("planner: {least-bits: 8, least-quorum: 2, most-steps: 15}\nlocal-steps: 10").planner
            .limits(localSteps: 10, bits: 12, quorum: 3, minimumCohort: 3, deadline: .seconds(600))
        #expect(limits.bits == 8...12 && limits.steps == 3...15 && limits.evenSteps == 10)
        // Nothing is opened over fewer clouds than the config allows.
        #expect(limits.leastQuorum == 3)
        #expect(limits.deadline == 30...600)
    }

    @Test(
        "With one limit of the steps given the other keeps within what clouds allow by default",
        arguments: [
            ("most-steps: 20", 2...20), ("most-steps: 64", 4...64), ("most-steps: 5", 1...5),
            ("least-steps: 2", 2...16), ("least-steps: 1, most-steps: 200", 1...200),
            // No least is above `local-steps`, whatever the most.
            ("most-steps: 1000", 4...1000),
        ])
    func ratio(limits: String, steps: ClosedRange<Int>) throws {
        #expect(try read("planner: {\(limits)}\nlocal-steps: 4").planner.steps == steps)
        #expect(try read("planner: {least-steps: 2}\nlocal-steps: 100").planner.steps == 2...100)
    }

    @Test(
        "What does not go together is refused with the reason",
        arguments: [
            ("planner: {}\nlocal-steps: 1", "nothing to share out"),
            ("planner: {}\nproximal: 0.1", "a later step counts less"),
            ("planner: {most-steps: 3}\nlocal-steps: 4", "`planner.most-steps`"),
            ("planner: {least-steps: 5}\nlocal-steps: 4", "`planner.least-steps`"),
            ("planner: {least-bits: 13}", "`planner.least-bits`"), ("planner: {mode: best}", "`planner.mode`"),
            ("planner: {speed: 1}", "unknown key"),
            (
                "planner: {}\nencryption: {formula: literal-eq4, fraction: 0.5}\nweights: {mode: uniform}",
                "nobody is weighed, and no step"
            ),
        ])
    func refused(text: String, reason: String) {
        #expect { try read(text) } throws: { "\($0)".contains(reason) }
        // The same is fine without a planner, where it is the planner that it does not go with.
        if text.hasPrefix("planner: {}\n") {
            #expect(throws: Never.self) { try read(String(text.dropFirst("planner: {}\n".count))) }
        }
    }

    private func part(_ cloud: String, transfer: UInt32?, arrival: UInt32?) throws -> SumAbout.Part {
        .init(
            cloud: try CloudName(cloud), weight: 1, digest: Digest(of: [1]), transfer: transfer, arrival: arrival)
    }

    private let training = TrainingPlan(
        steps: 10, batchSize: 8, learningRate: 0.01, weightDecay: 0, gradientClip: 1, seed: 1)

    @Test("What a cloud took is its training, the way, and the rest; a prediction puts it together again")
    func learning() throws {
        var paces = CloudPaces()
        let (north, west) = (try CloudName("north"), try CloudName("west"))
        #expect(paces.figures([Member(cloud: north, weight: 1)], slots: [12: 14]) == nil)
        let parts = [
            try part("north", transfer: 2000, arrival: 9000), try part("west", transfer: 500, arrival: 41_000),
        ]
        paces.take(parts, trained: [north: 5000, west: 40_000], training: training, slot: 14)
        paces.take(parts, gathered: 42, released: 3)
        let pace = try #require(paces.clouds[north])
        #expect(abs(pace.step - 0.5) < 1e-12 && abs(pace.fixed - 2) < 1e-12)
        let cohort = [Member(cloud: north, weight: 1), Member(cloud: west, weight: 1)]
        let figures = try #require(paces.figures(cohort, slots: [12: 14, 8: 10]))
        let same = RoundPrediction(figures, steps: [10, 10], bits: 12, quorum: 2)
        #expect(abs(same.arrivals[0].seconds - 9) < 1e-9 && abs(same.gathering - 41) < 1e-9)
        #expect(abs(same.seconds - 45) < 1e-9)
        // Ten of fourteen bits of a slot: the way takes 2 * 10 / 14.
        let fewer = RoundPrediction(figures, steps: [20, 2], bits: 8, quorum: 2)
        #expect(abs(fewer.arrivals[0].seconds - (2 + 10 + 20.0 / 14)) < 1e-9)
    }

    @Test("A cloud cannot have trained for longer than its contribution took, and one that tells nothing only trains")
    func hostile() throws {
        var paces = CloudPaces()
        let cloud = try CloudName("north")
        paces.take(
            [try part("north", transfer: 1000, arrival: 5000)], trained: [cloud: UInt32(Weight.maximum)],
            training: training, slot: 14)
        #expect(paces.clouds[cloud]?.step == 0.4 && paces.clouds[cloud]?.fixed == 0)
        var silent = CloudPaces()
        silent.take([try part("north", transfer: 1000, arrival: 5000)], trained: [:], training: training, slot: 14)
        #expect(silent == paces)
        silent.take([try part("north", transfer: 9000, arrival: nil)], trained: [:], training: training, slot: 14)
        #expect(silent == paces)
    }

    @Test("Of the newest three rounds the one in the middle counts, and the journal's note says the same again")
    func kept() throws {
        var paces = CloudPaces()
        let cloud = try CloudName("north")
        // The first has the engine's start in it. After the second it is forgotten; one more such does not count.
        var steps: [Double] = []
        for arrival: UInt32 in [20_000, 4000, 6000, 30_000, 8000] {
            paces.take(
                [try part("north", transfer: 1000, arrival: arrival)], trained: [cloud: arrival / 2],
                training: training, slot: 10)
            paces.take([try part("north", transfer: 1000, arrival: arrival)], gathered: 40, released: nil)
            steps.append(try #require(paces.clouds[cloud]).step)
            #expect(try CloudPaces(encoded: paces.encoded) == paces)
        }
        #expect(zip(steps, [1, 0.2, 0.3, 0.3, 0.4]).allSatisfy { abs($0 - $1) < 1e-12 })
        #expect(paces.closing == 32 && paces.opening == nil)
        #expect(try CloudPaces(encoded: paces.encoded) == paces)
        #expect(throws: PublicationError.self) { try CloudPaces(encoded: Array("1 2\nnorth 1 nan 3".utf8)) }
        #expect(throws: PublicationError.self) { try CloudPaces(encoded: Array("1".utf8)) }
    }
}
