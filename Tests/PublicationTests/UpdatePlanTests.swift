import Configuration
import Federation
import Publication
import Testing

@Suite("How an update is made, by publish's config")
struct UpdatePlanTests {
    private func read(_ text: String) throws -> PublishConfiguration {
        try ConfigurationFile.decode(text: "values: 10\nrounds: 4\n" + text, file: "/etc/publish.yaml")
    }

    @Test("Each optimiser has its defaults")
    func defaults() throws {
        #expect(try read("").update.outer == .average(rate: 1))
        #expect(try read("outer: {rate: 0.5}").update.outer == .average(rate: 0.5))
        #expect(try read("outer: {optimizer: nesterov}").update.outer == .nesterov(rate: 0.7, momentum: 0.9))
        #expect(
            try read("outer: {optimizer: adam, epsilon: 0.01}").update.outer
                == .adam(rate: 0.01, momentum: 0.9, secondMomentum: 0.99, epsilon: 0.01))
        let plan = try read("local-optimizer: sgd\nproximal: 0.5\nseed: 7").update.training(1)
        #expect(plan.optimizer == .sgd && plan.proximal == 0.5 && plan.seed == 7 && plan.learningRate == 0.006)
    }

    @Test(
        "What does not go together is refused with the reason",
        arguments: [
            ("outer: {momentum: 0.5}", "`optimizer: average` has none"),
            ("outer: {optimizer: average, epsilon: 0.1}", "`optimizer: average` has none"),
            ("outer: {optimizer: nesterov, second-momentum: 0.5}", "`optimizer: nesterov` has none"),
            ("outer: {optimizer: lion}", "`outer.optimizer`"), ("outer: {rate: 0}", "`outer.rate`"),
            ("outer: {optimizer: nesterov, momentum: 1}", "`outer.momentum`"),
            ("outer: {speed: 1}", "unknown key"), ("outer-rate: 1", "unknown key"),
            ("local-optimizer: sgd\ngradient-clip: 0", "nothing bounds the steps of `local-optimizer: sgd`"),
        ])
    func refused(text: String, reason: String) {
        #expect { try read(text) } throws: { "\($0)".contains(reason) }
    }

    @Test("The quantiser's range follows from what the steps can reach")
    func range() throws {
        #expect(try read("learning-rate: 0.01\nlocal-steps: 5").range == 0.05)
        let text = "local-optimizer: sgd\nlearning-rate: 0.5\nlocal-steps: 2\n"
        #expect(try read(text + "gradient-clip: 0.25").range == 0.25)
        #expect(try read(text + "gradient-clip: 0\nrange: 0.1").range == 0.1)
    }

    @Test("A cosine goes from the full rate towards none over the update rounds")
    func schedule() throws {
        let plan = try read("learning-rate: 0.01\nschedule: cosine").update
        #expect(plan.rate(1) == 0.01 && abs(plan.rate(3) - 0.005) < 1e-15 && plan.rate(4) > 0)
        #expect(try read("learning-rate: 0.01\nschedule: constant").update.rate(4) == 0.01)
    }
}
