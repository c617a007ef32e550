import Configuration
import Federation
import Privacy
import Publication
import Sodium
import Testing

@Suite("publish.yaml's noise") struct PrivacySettingsTests {
    private func read(_ text: String) throws -> PublishConfiguration {
        try ConfigurationFile.decode(text: "values: 100\nrounds: 4\nrange: 0.1\n" + text, file: "/etc/publish.yaml")
    }

    @Test("The unit is the patient unless the record is named, and a step's records are a sample")
    func defaults() throws {
        #expect(try read("").privacy == nil)
        let config = try read("privacy: {noise: 1.5, sampling: 0.05, budget: 8}")
        let privacy = try #require(config.privacy)
        #expect(privacy.training == .init(unit: .patient, clip: 1, noise: 1.5, rate: 0.05))
        #expect(privacy.delta == 1e-5 && privacy.budget == 8 && privacy.sumNoise == nil)
        #expect(config.update.training(1, clipsUnits: true).gradientClip == 0)
        #expect(config.update.training(1).gradientClip == 1)
        let record = try read("privacy: {unit: record, clip: 0.3, noise: 2, sampling: 1, delta: 1e-6}").privacy
        #expect(record?.training == .init(unit: .record, clip: 0.3, noise: 2, rate: 1) && record?.delta == 1e-6)
    }

    @Test(
        "What does not go with noise is refused with the reason",
        arguments: [
            ("privacy: {}", "neither `noise` nor `sum-noise`"),
            ("privacy: {noise: 1}", "`noise` wants `sampling`"),
            ("privacy: {noise: 1, sampling: 1.5}", "`privacy.sampling`"),
            ("privacy: {sum-noise: 2, clip: 1}", "without `noise`"),
            ("privacy: {noise: 1, sampling: 0.1, sum-budget: 2}", "without `sum-noise`"),
            ("privacy: {noise: 1, sampling: 0.1}\nbatch-size: 8", "`privacy.sampling`"),
            ("privacy: {noise: 1, sampling: 0.1}\ngradient-clip: 1", "`privacy.clip`"),
            ("privacy: {noise: 1, sampling: 0.1}\nweights: {mode: quality}", "which have no noise"),
            ("privacy: {noise: 1, sampling: 0.1}\nweights: {mode: qffl}", "which have no noise"),
            ("privacy: {noise: 1, sampling: 0.1}\nplanner: {}", "epsilon would differ"),
            (
                "privacy: {noise: 1, sampling: 0.1}\nencryption: {formula: literal-eq4, fraction: 0.5}\nweights: {mode: uniform}",
                "have no noise"
            ),
            ("privacy: {noise: 1, sampling: 0.1, budget: 1}\ntest: false", "`test` must be true"),
            ("privacy: {sum-noise: 2}\ncompression: {}", "values are left out"),
            ("privacy: {sum-noise: 2}\nclip-norm: 0", "`clip-norm` must be above 0"),
            ("privacy: {noise: 1, sampling: 0.1, salt: 2}", "unknown key"),
        ])
    func refused(text: String, reason: String) {
        #expect { try read(text) } throws: { "\($0)".contains(reason) }
        // What stands beside it is fine without.
        let rest = text.split(separator: "\n").dropFirst().joined(separator: "\n")
        #expect(throws: Never.self) { try read(rest) }
    }

    @Test("Late updates do not go with noise: nobody accounts for them")
    func late() throws {
        let late = "quorum: 3\npace: {mode: buffered}\n"
        #expect(throws: Never.self) { try read(late) }
        #expect { try read(late + "privacy: {noise: 1, sampling: 0.1}") } throws: {
            "\($0)".contains("is not accounted for")
        }
    }

    @Test("Compression goes with noise in the clouds' own steps: what is released is made of it")
    func compressed() throws {
        #expect(throws: Never.self) { try read("privacy: {noise: 1, sampling: 0.1}\ncompression: {fraction: 0.1}") }
    }

    @Test("The sum's noise is counted over the smallest cohort less those who may put their heads together")
    func honest() throws {
        let layout = try VectorLayout([.init(name: "b", shape: [100], range: 0.1)])
        func plan(_ text: String, cohort: Int, threshold: Int, bits: Int = 20) throws -> PrivacyPlan? {
            try read("privacy: \(text)").privacy?.plan(
                layout: layout, bits: bits, clipNorm: 2, minimumCohort: cohort, threshold: threshold)
        }
        #expect(try plan("{sum-noise: 2}", cohort: 5, threshold: 3)?.sum?.honest == 3)
        #expect(try plan("{sum-noise: 2}", cohort: 5, threshold: 0)?.sum?.honest == 4)
        #expect(try plan("{sum-noise: 2, colluders: 0}", cohort: 5, threshold: 3)?.sum?.honest == 5)
        #expect(throws: PublicationError.self) { try plan("{sum-noise: 2}", cohort: 3, threshold: 4) }
        #expect(throws: PublicationError.self) { try plan("{sum-noise: 2}", cohort: 5, threshold: 3, bits: 6) }
    }

    @Test("A plan that ends before an update goes on with its test")
    func ending() {
        let plan = RunPlan(statistics: true, updates: 5, validateEvery: 2, test: true)
        #expect(plan.ending(before: 3) == RunPlan(statistics: true, updates: 2, validateEvery: 2, test: true))
        #expect(plan.ending(before: 1).steps == [.statistics, .evaluation(.validation), .evaluation(.test)])
        #expect(plan.ending(before: 6) == plan)
    }

    @Test("The account comes back from the manifest's JSON, and says what it is worth and what is outside")
    func account() throws {
        var ledger = PrivacyLedger.unknown
        let plan = PrivacyPlan(
            training: .init(unit: .patient, clip: 1, noise: 1, rate: 0.1),
            sum: .init(noise: 2, honest: 2, steps: 10, variance: 1000), delta: 1e-5)
        let nothing = ReleaseManifest.DifferentialPrivacy(
            plan, ledger: ledger, outside: OutsidePrivacy.list(statistics: true, evaluations: true, unit: true))
        #expect(nothing.training?.epsilon == nil && nothing.sums?.epsilon == nil)
        ledger = PrivacyLedger()
        let none = ReleaseManifest.DifferentialPrivacy(plan, ledger: ledger, outside: [])
        #expect(none.training?.epsilon == 0)
        #expect(nothing.outside.count == 5 && nothing.outside[0].hasPrefix("statistics"))
        for account in [nothing, none] {
            try Fixtures.withDirectory { directory in
                let draft = try Fixtures.draft(round: 1)
                let privacy = draft.privacy
                let store = try ReleaseStore(directory: directory, key: Fixtures.key())
                let folder = try store.publish(
                    ReleaseDraft(
                        run: draft.run, round: draft.round, model: draft.model, createdAt: draft.createdAt,
                        baseModelSHA256: draft.baseModelSHA256, tokenizerSHA256: draft.tokenizerSHA256,
                        rounds: draft.rounds,
                        privacy: .init(
                            suite: privacy.suite, profile: privacy.profile, assumption: privacy.assumption,
                            keyMode: privacy.keyMode, whoCouldOpen: privacy.whoCouldOpen, bits: privacy.bits,
                            clipNorm: privacy.clipNorm, minimumCohort: privacy.minimumCohort, noise: account),
                        method: nil, metrics: draft.metrics))
                #expect(try ReleaseManifest(Fixtures.read("\(folder)/manifest.json")).privacy.noise == account)
                let card = String(decoding: try Fixtures.read("\(folder)/README.md"), as: UTF8.self)
                let words =
                    account == nothing
                    ? ["not differentially private", "- statistics: exact sums"]
                    : ["(0, 1e-05)-differentially private", "For a patient", "For a whole cloud"]
                for word in words { #expect(card.contains(word), "\(card)") }
            }
        }
    }
}
