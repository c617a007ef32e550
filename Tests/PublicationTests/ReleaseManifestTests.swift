import Adapter
import Federation
import Foundation
import Publication
import Sodium
import Testing

struct ReleaseManifestTests {
    private func manifestBytes() throws -> [UInt8] {
        try Fixtures.withDirectory { directory in
            let store = try ReleaseStore(directory: directory, key: Fixtures.key())
            return try Fixtures.read("\(store.publish(Fixtures.draft(round: 2)))/manifest.json")
        }
    }

    @Test("A manifest reads back and writes the same bytes")
    func roundTrips() throws {
        let bytes = try manifestBytes()
        let manifest = try ReleaseManifest(bytes)
        #expect(try manifest.encoded() == bytes)
        #expect(manifest.created == "2023-11-14T22:13:20Z")
        #expect(manifest.rounds.count == 2 && manifest.rounds[0].purpose == .statistics)
        #expect(manifest.rounds[1].cohort.map(\.cloud.description) == ["east", "north", "west"])
        #expect(manifest.history.rounds == 2 && manifest.history.byteCount > 500)
        #expect(manifest.privacy.simulated.isEmpty)
        #expect(
            manifest.method
                == ReleaseManifest.Method(
                    Fixtures.training, adapter: .core,
                    compression: .init(
                        scales: .released, margin: 2, feedback: 0.5, fraction: 0.1, sent: 7, values: 70)))
        #expect(manifest.metrics == ["auroc": 0.81, "log_loss": 0.42])
        #expect(
            manifest.files.map(\.name) == [
                "README.md", "adapter_config.json", "adapter_model.safetensors", "tributary.pub",
            ])
    }

    @Test("A manifest and a card tell of late updates, and what they counted")
    func late() throws {
        let rounds = [
            ReleaseManifest.Round(
                round: RoundNumber(1), purpose: .update, key: nil,
                cohort: try ["west", "north"].map {
                    .init(
                        cloud: try CloudName($0), owner: "Owner", weight: 1, contribution: Digest(of: [1]),
                        base: $0 == "west" ? RoundNumber(7) : nil)
                })
        ]
        let tempo = ReleaseManifest.Method.Tempo(mode: .grace, grace: 2.5, oldest: 3, discount: 0.5)
        let plain = try Fixtures.draft(round: 1, rounds: rounds)
        let draft = ReleaseDraft(
            run: plain.run, round: plain.round, model: plain.model, createdAt: plain.createdAt,
            baseModelSHA256: plain.baseModelSHA256, tokenizerSHA256: plain.tokenizerSHA256, rounds: rounds,
            privacy: plain.privacy, method: .init(Fixtures.training, pace: tempo), metrics: [:])
        try Fixtures.withDirectory { directory in
            let store = try ReleaseStore(directory: directory, key: Fixtures.key())
            let folder = try store.publish(draft)
            let bytes = try Fixtures.read("\(folder)/manifest.json")
            let manifest = try ReleaseManifest(bytes)
            #expect(try manifest.encoded() == bytes && manifest.method?.pace == tempo)
            #expect(manifest.rounds.first?.cohort.map(\.base) == [nil, RoundNumber(7)])
            let card = String(decoding: try Fixtures.read("\(folder)/README.md"), as: UTF8.self)
            #expect(card.contains("| update, late of round 7 | west |") && card.contains("2.5 s after its quorum"))
            #expect(card.contains("(1 + s)^-0.5 of its weight"))
        }
    }

    /// A release of an update that was weighed and compressed so.
    private func weighed(
        _ rule: Weighting, _ body: (_ manifest: ReleaseManifest, _ text: String, _ card: String) throws -> Void
    ) throws {
        let training = TrainingPlan(
            steps: 12, batchSize: 32, learningRate: 0.006, weightDecay: 0.01, gradientClip: 1, seed: 1,
            weighting: WeightingPlan(rule: rule, inputs: []))
        let plain = try Fixtures.draft(round: 2)
        let draft = ReleaseDraft(
            run: plain.run, round: plain.round, model: plain.model, createdAt: plain.createdAt,
            baseModelSHA256: plain.baseModelSHA256, tokenizerSHA256: plain.tokenizerSHA256, rounds: plain.rounds,
            privacy: plain.privacy,
            method: .init(
                training,
                compression: .init(
                    scales: .fixed, margin: 2, feedback: 1, fraction: 0.1, sent: 7, values: 70, rotation: 0.25,
                    refresh: 12)), metrics: [:])
        try Fixtures.withDirectory { directory in
            let store = try ReleaseStore(directory: directory, key: Fixtures.key())
            let folder = try store.publish(draft)
            let bytes = try Fixtures.read("\(folder)/manifest.json")
            let manifest = try ReleaseManifest(bytes)
            #expect(try manifest.encoded() == bytes && manifest.method == draft.method)
            try body(
                manifest, String(decoding: bytes, as: UTF8.self),
                String(decoding: try Fixtures.read("\(folder)/README.md"), as: UTF8.self))
        }
    }

    @Test(
        "A manifest has what its rule of weights went by, and what the rule has not is not in it",
        arguments: [
            (Weighting(.fedavg), [:]), (Weighting(.uniform), [:]),
            (
                Weighting(.quality, alpha: 0.75, beta: 1, cap: 2, slack: 2500),
                ["alpha": 0.75, "beta": 1, "cap": 2, "slack_seconds": 2.5]
            ),
            (Weighting(.qffl, beta: 2), ["beta": 2, "cap": 3]), (Weighting(.reciprocal, alpha: 0.25), ["alpha": 0.25]),
            (Weighting(.literal), ["alpha": 0.5]),
        ] as [(Weighting, [String: Double])])
    func weights(_ rule: Weighting, _ parameters: [String: Double]) throws {
        try weighed(rule) { manifest, text, card in
            #expect(manifest.method?.weightsParameters == parameters)
            #expect(text.contains("\"weights_parameters\"") == !parameters.isEmpty)
            #expect(card.contains("beta \(Int(rule.beta))") == (parameters["beta"] != nil), "\(card)")
            // Of a rule that is here to be compared with it says what is wrong with it.
            let warning = manifest.method?.weightsWarning
            #expect((warning != nil) == (rule.mode == .literal))
            #expect(rule.mode != .literal || warning?.contains("the opposite of what its text says") == true)
            #expect(manifest.method?.compression?.rotation == 0.25 && manifest.method?.compression?.refresh == 12)
        }
    }

    @Test("A manifest from before rules had their parameters in it reads back; parameters of another rule do not")
    func before() throws {
        try weighed(Weighting(.qffl)) { _, text, _ in
            let parameters = try #require(text.firstRange(of: #/,\s*"weights_parameters": \{[^}]*\}/#))
            let older = try ReleaseManifest(Array(text.replacingCharacters(in: parameters, with: "").utf8))
            #expect(older.method?.weights == .qffl && older.method?.weightsParameters == [:])
            let spoiled = text.replacingOccurrences(of: "\"beta\": 1", with: "\"slack_seconds\": 1")
            #expect(spoiled != text)
            #expect(throws: PublicationError.self) { try ReleaseManifest(Array(spoiled.utf8)) }
            let named = text.replacingOccurrences(of: "\"weights\": \"qffl\"", with: "\"weights\": \"uniform\"")
            #expect(throws: PublicationError.self) { try ReleaseManifest(Array(named.utf8)) }
        }
    }

    @Test(
        "The time is written in UTC, over leap days and centuries",
        arguments: [
            (0, "1970-01-01T00:00:00Z"), (951_782_400, "2000-02-29T00:00:00Z"), (1_709_251_199, "2024-02-29T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ])
    func writesTime(_ seconds: Int, _ expected: String) throws {
        try Fixtures.withDirectory { directory in
            let store = try ReleaseStore(directory: directory, key: Fixtures.key())
            _ = try store.publish(Fixtures.draft(round: 1, createdAt: seconds))
            #expect(store.latest()?.created == expected)
        }
    }

    @Test(
        "A spoiled manifest is refused with the field's name",
        arguments: [
            ("\"format\": 2", "\"format\": 1", "format"),
            ("\"run\": \"demo\"", "\"run\": \"De Mo\"", "run"),
            ("\"round\": 2,\n  \"rounds\"", "\"round\": 0,\n  \"rounds\"", "round"),
            ("2023-11-14T22:13:20Z", "14.11.2023", "created"),
            ("\"README.md\"", "\"../README.md\"", "files[0]"),
            ("\"purpose\": \"update\"", "\"purpose\": \"gossip\"", "rounds[1]"),
            ("\"cloud\": \"east\"", "\"cloud\": \"EAST\"", "cloud"),
            ("\"weight\": 1.5", "\"weight\": -1", "weight"),
            ("\"previous\": null", "\"previous\": \"abc\"", "previous"),
            ("\"previous\": null", "\"previous\": null, \"extra\": 1", "extra"),
            ("\"auroc\": 0.81", "\"auroc\": \"high\"", "auroc"),
            ("\"minimum_cohort\": 3", "\"minimum_cohort\": 0", "minimum_cohort"),
            ("\"rounds\": 2,", "\"rounds\": 0,", "history"),
            ("\"local_optimizer\": \"adamw\"", "\"local_optimizer\": \"lion\"", "local_optimizer"),
            ("\"optimizer\": \"adam\"", "\"optimizer\": \"nesterov\"", "outer"),
            ("\"second_momentum\": 0.99", "\"second_momentum\": 1", "second_momentum"),
            ("\"format\": 2", "\"format\":  2", "canonical"),
        ])
    func refusesSpoiled(_ found: String, _ replacement: String, _ named: String) throws {
        let text = String(decoding: try manifestBytes(), as: UTF8.self)
        #expect(throws: Never.self) { try ReleaseManifest(Array(text.utf8)) }
        #expect(text.contains(found))
        let spoiled = text.replacingOccurrences(of: found, with: replacement)
        let error = #expect(throws: PublicationError.self) { try ReleaseManifest(Array(spoiled.utf8)) }
        #expect(error?.description.contains(named) == true, "\(error?.description ?? "")")
    }
}
