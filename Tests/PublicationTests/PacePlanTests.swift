import Configuration
import Federation
import Publication
import Testing

@Suite("publish's pace")
struct PacePlanTests {
    private func read(_ text: String, model: String = "values: 10\n") throws -> PublishConfiguration {
        try ConfigurationFile.decode(text: "\(model)rounds: 4\nminimum-cohort: 2\n" + text, file: "/etc/publish.yaml")
    }

    @Test("Without it rounds are synchronous; with it what is left out has the paper's values")
    func defaults() throws {
        #expect(try read("").pace == .synchronous)
        #expect(try read("pace: {mode: synchronous}").pace.opening(after: RecentUpdates()) == nil)
        let buffered = try read("quorum: 2\npace: {mode: buffered}").pace
        #expect(buffered == PacePlan(mode: .buffered, window: .zero, oldest: 4, discount: 0.5))
        let grace = try read("quorum: 2\npace: {mode: grace, grace: 1500ms, oldest: 2, discount: 1}").pace
        let recent = RecentUpdates((1...3).map { .init(round: RoundNumber($0), parts: []) })
        #expect(
            grace.opening(after: recent)
                == Pace(mode: .grace, window: 1500, oldest: 2, discount: 1, recent: recent.newest(2)))
        #expect(try read("quorum: 2\npace: {mode: grace}").pace.window == .seconds(30))
    }

    @Test(
        "What does not go with late updates is refused with the reason, and goes with synchronous rounds",
        arguments: [
            ("weights: {mode: quality}", "lessened twice"), ("weights: {mode: reciprocal}", "lessened twice"),
            ("weights: {mode: literal}", "lessened twice"), ("weights: {mode: qffl}", "no longer those that are known"),
            ("compression: {scales: fixed}", "error-feedback"),
            ("compression: {error-feedback: 0}", "make smaller than the updates to come"),
            ("encryption: {formula: selective, fraction: 0.5, noise: 0.5}", "would be said anew"),
            ("encryption: {formula: literal-eq4, fraction: 0.5}\nweights: {mode: uniform}", "would be said anew"),
        ])
    func pairs(other: String, reason: String) throws {
        for mode in ["grace", "buffered"] {
            #expect { try read("quorum: 2\npace: {mode: \(mode)}\n\(other)") } throws: { "\($0)".contains(reason) }
        }
        #expect(throws: Never.self) { try read("quorum: 2\npace: {mode: synchronous}\n\(other)") }
    }

    @Test(
        "So is what says nothing, or too much",
        arguments: [
            ("pace: {mode: buffered}", "without `quorum`"), ("pace: {mode: later}", "`pace.mode`"),
            ("quorum: 2\npace: {mode: buffered, grace: 3s}", "`mode: buffered` has none"),
            ("pace: {oldest: 3}", "`mode: synchronous` has none"),
            ("pace: {discount: 1}", "`mode: synchronous` has none"),
            ("quorum: 2\npace: {mode: buffered, oldest: 0}", "`pace.oldest`"),
            ("quorum: 2\npace: {mode: buffered, oldest: 17}", "`pace.oldest`"),
            ("quorum: 2\npace: {mode: grace, grace: 48h}", "a day at most"),
            ("quorum: 2\npace: {mode: buffered, speed: 1}", "unknown key"),
        ])
    func refused(text: String, reason: String) {
        #expect { try read(text) } throws: { "\($0)".contains(reason) }
    }

    @Test("A late A has no place in a round of B, nor a late update under masks")
    func others() throws {
        let model = "base: /models/base\nadapter: {mode: alternate}\n"
        #expect { try read("quorum: 2\npace: {mode: buffered}", model: model) } throws: {
            "\($0)".contains("a round of the other")
        }
        #expect(throws: Never.self) { try read("quorum: 2", model: model) }
        #expect(throws: Never.self) {
            try read("quorum: 2\npace: {mode: buffered}", model: "base: /models/base\nadapter: {mode: shareA}\n")
        }
        let pace = try read("quorum: 2\npace: {mode: grace}").pace
        #expect(pace.problem(suite: .secagg)?.contains("answer together") == true)
        #expect(pace.problem(suite: .paillier) == nil && pace.problem(suite: .clear) == nil)
        #expect(PacePlan.synchronous.problem(suite: .secagg) == nil)
        // Not all that is compressed is lost.
        #expect(throws: Never.self) {
            try read("quorum: 2\npace: {mode: grace}\ncompression: {scales: fixed, error-feedback: 0, fraction: 0.5}")
        }
    }
}
