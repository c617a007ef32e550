import Configuration
import Federation
import Foundation
import Publication
import Testing

@Suite("How much of an update is encrypted")
struct EncryptionPlanTests {
    private func read(_ text: String, clipNorm: Double = 10) throws -> EncryptionPlan {
        try ConfigurationFile.decode(text: text, file: "/etc/publish.yaml") {
            EncryptionPlan.read($0, clipNorm: clipNorm)
        }
    }

    @Test("Everything, unless a part is asked for by name with its noise")
    func read() throws {
        #expect(try read("formula: full") == .full)
        #expect(try read("fraction: 1.0") == .full)
        #expect(try read("formula: selective\nfraction: 1.0\nnoise: 0.5") == .full)
        #expect(
            try read("formula: selective\nfraction: 0.3\nnoise: 0.5") == .selective(fraction: 0.3, noise: 0.5))
        #expect(try read("formula: literal-eq4\nfraction: 0.3") == .literal(omega: 0.3))
    }

    @Test(
        "What does not go together is refused with the reason",
        arguments: [
            ("fraction: 0.3", "ask for it by name"), ("noise: 0.5", "nothing is sent in clear"),
            ("formula: selective", "needs `fraction`"), ("formula: selective\nfraction: 0.3", "needs `noise` above 0"),
            ("formula: selective\nfraction: 0.3\nnoise: 0", "needs `noise` above 0"),
            ("formula: selective\nfraction: 1.3\nnoise: 1", "expected a part of 1"),
            ("formula: selective\nfraction: 0\nnoise: 1", "`fraction`"),
            ("formula: selective\nfraction: 0.3\nnoise: -1", "`noise`"),
            ("formula: literal-eq4", "omega"), ("formula: literal-eq4\nfraction: 1", "omega"),
            ("formula: literal-eq4\nfraction: 0.3\nnoise: 1", "to the letter"), ("formula: eq4", "`formula`"),
            ("formula: selective\nfraction: 0.3\nnoise: 1\nmask: all", "unknown key"),
        ])
    func refused(text: String, reason: String) {
        #expect { try read(text) } throws: { "\($0)".contains(reason) }
    }

    @Test("Noise needs a clip norm, paillier, and room in the range")
    func problems() throws {
        let text = "formula: selective\nfraction: 0.3\nnoise: 0.5"
        #expect { try read(text, clipNorm: 0) } throws: { "\($0)".contains("clip-norm") }
        let plan = try read(text)
        func problem(_ values: Int, _ range: Double, _ suite: Suite, _ plan: EncryptionPlan) -> String {
            plan.problem(values: values, range: range, clipNorm: 10, suite: suite) ?? ""
        }
        #expect(problem(10_000, 0.16, .paillier, plan) == "")
        #expect(problem(10_000, 0.14, .paillier, plan).contains("raise `range`"))
        for suite in [Suite.clear, .secagg] {
            #expect(problem(10_000, 0.16, suite, plan).contains("needs `suite: paillier`"))
            #expect(problem(10_000, 0.16, suite, .full) == "")
        }
        #expect(problem(ValueMask.maximumValues, 1, .paillier, plan) == "")
        #expect(problem(ValueMask.maximumValues + 1, 1, .paillier, plan).contains("divides a vector"))
        #expect(problem(1, 100, .paillier, plan).contains("divides a vector"))
        let literal = EncryptionPlan.literal(omega: 0.5)
        #expect(problem(ValueMask.maximumValues / 2, 1, .paillier, literal) == "")
        #expect(problem(ValueMask.maximumValues / 2 + 1, 1, .paillier, literal).contains("divides a vector"))
    }

    @Test("An opening says what the plan and the mask make of it")
    func opening() throws {
        let mask = try ValueMask(places: [1], of: 3)
        #expect(EncryptionPlan.full.opening(mask: mask) == nil)
        #expect(EncryptionPlan.selective(fraction: 0.3, noise: 2).opening(mask: mask) == .selective(mask, noise: 2))
        #expect(EncryptionPlan.literal(omega: 0.5).opening(mask: nil) == .literal(omega: 0.5))
        #expect(EncryptionPlan.selective(fraction: 0.3, noise: 2).needsSensitivities)
        #expect(!EncryptionPlan.literal(omega: 0.3).needsSensitivities && !EncryptionPlan.full.needsSensitivities)
    }
}

@Suite("What a release says of it")
struct PartEncryptedTests {
    private static let selective = ReleaseManifest.PartEncrypted(
        formula: "selective", fraction: 0.3, noise: 0.5, noiseDeviation: 0.0123, epsilon: 20_345.5, warning: nil)
    private static let literal = ReleaseManifest.PartEncrypted(
        formula: "literal-eq4", fraction: 0.5, noise: 0, noiseDeviation: 0, epsilon: nil,
        warning: PartialEncryption.leak)
    private static let full = ReleaseManifest.PartEncrypted(
        formula: "full", fraction: 1, noise: 0, noiseDeviation: 0, epsilon: nil, warning: nil)

    private func draft(_ encryption: ReleaseManifest.PartEncrypted?) throws -> ReleaseDraft {
        let draft = try Fixtures.draft(round: 1)
        let privacy = draft.privacy
        return ReleaseDraft(
            run: draft.run, round: draft.round, model: draft.model, createdAt: draft.createdAt,
            baseModelSHA256: draft.baseModelSHA256, tokenizerSHA256: draft.tokenizerSHA256, rounds: draft.rounds,
            privacy: .init(
                suite: privacy.suite, profile: privacy.profile, assumption: privacy.assumption,
                keyMode: privacy.keyMode, whoCouldOpen: privacy.whoCouldOpen, bits: privacy.bits,
                clipNorm: privacy.clipNorm, minimumCohort: privacy.minimumCohort, encryption: encryption),
            method: nil, metrics: draft.metrics)
    }

    @Test(
        "The manifest reads back with it and without, and the card says it", arguments: [full, selective, literal, nil])
    func roundTrips(encryption: ReleaseManifest.PartEncrypted?) throws {
        try Fixtures.withDirectory { directory in
            let store = try ReleaseStore(directory: directory, key: Fixtures.key())
            let folder = try store.publish(draft(encryption))
            let bytes = try Fixtures.read("\(folder)/manifest.json")
            #expect(try ReleaseManifest(bytes).privacy.encryption == encryption)
            #expect(String(decoding: bytes, as: UTF8.self).contains("\"encryption\"") == (encryption != nil))
            let card = String(decoding: try Fixtures.read("\(folder)/README.md"), as: UTF8.self)
            let words =
                switch encryption?.formula {
                case "full": ["| encrypted | all of every update |"]
                case "selective":
                    ["30 % of the values", "0.0123", "0.5 clip norms", "epsilon 20300 a round at delta 1e-05"]
                case "literal-eq4": ["omega 0.5", "hides nothing"]
                default: ["| encrypted | not said |"]
                }
            for word in words { #expect(card.contains(word), "\(card)") }
        }
    }

    @Test("A spoiled statement is refused with its place")
    func refused() throws {
        try Fixtures.withDirectory { directory in
            let store = try ReleaseStore(directory: directory, key: Fixtures.key())
            let folder = try store.publish(draft(Self.selective))
            let text = String(decoding: try Fixtures.read("\(folder)/manifest.json"), as: UTF8.self)
            _ = try ReleaseManifest(Array(text.utf8))
            for (old, new) in [
                ("\"fraction\": 0.3", "\"fraction\": 1.3"), ("\"noise\": 0.5", "\"noise\": -1"),
                ("\"formula\": \"selective\"", "\"formula\": \"\""), ("\"formula\"", "\"Formula\""),
            ] {
                #expect(text.contains(old))
                #expect {
                    try ReleaseManifest(Array(text.replacingOccurrences(of: old, with: new).utf8))
                } throws: {
                    "\($0)".contains("privacy.encryption")
                }
            }
        }
    }
}
