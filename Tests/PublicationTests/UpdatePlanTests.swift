import Adapter
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

    @Test("Weights go by records, unless another rule is named")
    func weights() throws {
        #expect(try read("").update.weights == Weighting(.fedavg))
        #expect(
            try read("weights: {mode: quality, cap: 2, slack: 30s}").update.weights
                == Weighting(.quality, cap: 2, slack: 30_000))
        #expect(try read("weights: {mode: qffl, beta: 2}").update.weights == Weighting(.qffl, beta: 2))
        #expect(try read("weights: {mode: quality}").update.weights.beta == 0)
        #expect(try read("weights: {mode: qffl}").update.weights.beta == 1)
    }

    @Test("Under equation 4 to the letter, which weighs nobody, no rule is taken that would be named and not followed")
    func unweighed() throws {
        func read(_ weights: String) throws -> PublishConfiguration {
            try self.read("encryption: {formula: literal-eq4, fraction: 0.5}\n\(weights)")
        }
        #expect(try read("weights: {mode: uniform}").update.weights.mode == .uniform)
        for mode in Weighting.Mode.allCases where mode != .uniform {
            #expect { try read("weights: {mode: \(mode.rawValue)}") } throws: {
                "\($0)".contains("nobody is weighed, as its denominator") && "\($0)".contains("`\(mode.rawValue)`")
            }
        }
        // Without `weights` it would be records.
        #expect { try read("") } throws: { "\($0)".contains("would name `fedavg`") }
    }

    @Test("Weights that go by losses need the scores with which losses are told")
    func losses() throws {
        for weights in ["qffl", "reciprocal", "literal", "quality, beta: 1"] {
            let text = "weights: {mode: \(weights)}\n"
            #expect { try read(text + "validate-every: 0") } throws: {
                "\($0)".contains("`validate-every: 0` asks for none")
            }
            _ = try read(text + "validate-every: 2")
        }
        for weights in ["fedavg", "uniform", "quality", "qffl, beta: 0"] {
            _ = try read("weights: {mode: \(weights)}\nvalidate-every: 0")
        }
    }

    @Test("Compression has its defaults, and says what it asks of each update")
    func compression() throws {
        #expect(try read("").compression == nil)
        let settings = try #require(try read("compression: {}").compression)
        #expect(
            settings.scales == .released && settings.feedback == 1 && settings.fraction == 1 && settings.margin == 2)
        let some = try #require(try read("compression: {fraction: 0.3, refresh: 4}").compression)
        let layout = try VectorLayout([.init(name: "values", shape: [10], range: 0.5)])
        let step = ReleasedStep(from: [Float](repeating: 0, count: 10), to: (0..<10).map { Float($0) / 100 })
        let first = try some.plan(of: 1, layout: layout, limit: 0.5, after: nil)
        #expect(first.plan.places == nil && first.plan.since == nil && first.layout == layout)
        let second = try some.plan(of: 2, layout: layout, limit: 0.5, after: (RoundNumber(2), step))
        #expect(second.plan.places?.count == 3 && second.plan.since == RoundNumber(2))
        #expect(second.layout.segments[0].range == 2 * Double(Float(0.09)))
        #expect(try second.plan.fault(in: second.layout, after: step) == nil)
        let fifth = try some.plan(of: 5, layout: layout, limit: 0.5, after: (RoundNumber(2), step))
        #expect(fifth.plan.places == nil, "the fourth after the first")
        #expect(some.problem(values: 1 << 25)?.contains("compression.fraction") == true)
        #expect(some.problem(values: 1 << 20) == nil)
    }

    @Test("An adapter's mode has its name")
    func modes() throws {
        func mode(_ text: String) throws -> AdapterConfiguration.Trains? {
            let text = "base: /tmp\nrounds: 4\nadapter: {\(text)}\n"
            let read: PublishConfiguration = try ConfigurationFile.decode(text: text, file: "/etc/publish.yaml")
            guard case .adapter(_, let configuration, _) = read.model else { return nil }
            return configuration.trains
        }
        #expect(try mode("") == .b)
        for known in AdapterConfiguration.Mode.allCases {
            #expect(try mode("mode: \(known.rawValue)") == known.trains && known.trains.mode == known)
        }
        #expect { try mode("mode: both") } throws: { "\($0)".contains("cannot be summed exactly") }
        #expect { try mode("mode: half") } throws: { "\($0)".contains("adapter.mode") }
    }

    @Test("`full` has no rank, alpha or projections, and a largest model; no other mode has that")
    func whole() throws {
        func read(_ text: String) throws -> PublishConfiguration {
            try ConfigurationFile.decode(
                text: "base: /tmp\nrounds: 4\nadapter: {\(text)}\n", file: "/etc/publish.yaml")
        }
        func most(_ text: String) throws -> Int? {
            guard case .adapter(_, let configuration, let most) = try read(text).model else { return nil }
            #expect(configuration.trains == .full && configuration.targets.isEmpty)
            return most
        }
        #expect(try most("mode: full") == 1 << 20)
        #expect(try most("mode: full, maximum-weights: 5000000") == 5_000_000)
        for text in ["rank: 8", "alpha: 32", "targets: [q_proj]"] {
            #expect { try read("mode: full, \(text)") } throws: { "\($0)".contains("every weight is trained") }
        }
        #expect { try read("mode: full, maximum-weights: 16777217") } throws: { "\($0)".contains("maximum-weights") }
        #expect { try read("maximum-weights: 1000") } throws: { "\($0)".contains("only `mode: full`") }
    }

    @Test(
        "A mode that does not go with the rest is refused with the reason",
        arguments: [
            ("alternate", "outer: {optimizer: adam}", "`alternate` takes `average`"),
            ("alternate", "compression: {}", "`alternate` takes no `compression`"),
            ("shareA", "encryption: {formula: selective, fraction: 0.5, noise: 1}", "goes with freezeA and core"),
            ("inexact", "encryption: {formula: literal-eq4, fraction: 0.5}", "goes with freezeA and core"),
            ("full", "encryption: {formula: selective, fraction: 0.5, noise: 1}", "tell which those are"),
        ])
    func badModes(mode: String, rest: String, reason: String) throws {
        func read(_ rest: String) throws {
            let text = "base: /tmp\nrounds: 4\nadapter: {mode: \(mode)}\n\(rest)\n"
            let _: PublishConfiguration = try ConfigurationFile.decode(text: text, file: "/etc/publish.yaml")
        }
        try read("")
        #expect { try read(rest) } throws: { "\($0)".contains(reason) }
    }

    @Test(
        "What does not go together is refused with the reason",
        arguments: [
            ("weights: {mode: uniform, cap: 2}", "`mode: uniform` has none"),
            ("weights: {mode: qffl, alpha: 1}", "`mode: qffl` has none"),
            ("weights: {mode: literal, beta: 1}", "`mode: literal` has none"),
            ("weights: {mode: best}", "`weights.mode`"), ("weights: {mode: quality, cap: 0.5}", "`weights.cap`"),
            ("outer: {momentum: 0.5}", "`optimizer: average` has none"),
            ("outer: {optimizer: average, epsilon: 0.1}", "`optimizer: average` has none"),
            ("outer: {optimizer: nesterov, second-momentum: 0.5}", "`optimizer: nesterov` has none"),
            ("outer: {optimizer: lion}", "`outer.optimizer`"), ("outer: {rate: 0}", "`outer.rate`"),
            ("outer: {optimizer: nesterov, momentum: 1}", "`outer.momentum`"),
            ("outer: {optimizer: adam}\ncompression: {}", "is not the mean of the clouds' updates"),
            ("outer: {optimizer: nesterov}\ncompression: {scales: fixed, fraction: 0.5}", "take `average`"),
            ("compression: {fraction: 1.5}", "`compression.fraction`"),
            ("compression: {error-feedback: 2}", "`compression.error-feedback`"),
            ("compression: {}\nencryption: {formula: selective, fraction: 0.5, noise: 1}", "not both"),
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
