import Configuration
import Federation
import JSONText
import Publication
import SeededRandom
import Sodium

/// The ways in for what is published, and for publish's own config: what the mutation tests and the fuzzer (`scripts/fuzz`) both
/// push bytes through.
enum PublicationDecoders {
    static let all = Result { try [manifest(), round(), list(), configuration] }

    private static func check(_ isSame: Bool, _ what: String) {
        precondition(isSame, "\(what) reads otherwise than it was written")
    }

    private static func rounds() throws -> [ReleaseManifest.Round] {
        try [(1, Purpose.statistics, nil), (2, .update, "0123456789abcdef0123456789abcdef")].map {
            number, purpose, key in
            ReleaseManifest.Round(
                round: RoundNumber(number), purpose: purpose, key: key,
                cohort: try ["east", "north", "west"].map { cloud in
                    ReleaseManifest.Participant(
                        cloud: try CloudName(cloud), owner: "Hospital | \(cloud)", weight: 1.5,
                        contribution: Digest(of: Array(cloud.utf8)),
                        base: number == 2 && cloud == "west" ? RoundNumber(1) : nil)
                })
        }
    }

    private static func manifest() throws -> Spoiling.Entry {
        let digest = SHA256.hex(of: Array("file".utf8))
        let lines = try rounds().map { try $0.line() }
        func text(encryption: JSON?) throws -> [UInt8] {
            var privacy: [String: JSON] = [
                "suite": .string("paillier"), "profile": .string("standard"), "assumption": .string("It is hard."),
                "key_mode": .string("threshold"), "who_could_open": .string("Two clouds."), "bits": .integer(16),
                "clip_norm": .number(0.5), "minimum_cohort": .integer(3), "simulated": .array([]),
            ]
            if let encryption { privacy["encryption"] = encryption }
            return try JSON.object([
                "format": .integer(2), "run": .string("demo"), "round": .integer(2),
                "created": .string("2026-01-31T08:00:00Z"),
                "base_model": .object(["name": .string("example/tiny"), "sha256": .string(digest)]),
                "tokenizer_sha256": .string(digest),
                "files": .array([
                    .object(["name": .string("README.md"), "sha256": .string(digest), "byte_count": .integer(12)])
                ]),
                "rounds": .array(try lines.map { try JSON($0.dropLast()) }),
                "history": .object([
                    "rounds": .integer(2), "byte_count": .integer(lines.joined().count), "sha256": .string(digest),
                ]),
                "privacy": .object(privacy), "method": .null, "metrics": .object(["auroc": .number(0.81)]),
                "previous": .null,
            ]).encoded()
        }
        let partly = JSON.object([
            "formula": .string("selective"), "fraction": .number(0.5), "noise": .number(0.01),
            "noise_deviation": .number(0.02), "epsilon": .number(3.5), "warning": .null,
        ])
        return (
            "manifest", [try text(encryption: nil), try text(encryption: partly)],
            { bytes in
                let manifest = try ReleaseManifest(bytes)
                check(try manifest.encoded() == bytes && !manifest.trustedComment.isEmpty, "a manifest")
            }
        )
    }

    private static func round() throws -> Spoiling.Entry {
        (
            "round-line", try rounds().map { try $0.line().dropLast() },
            { bytes in
                let round = try ReleaseManifest.Round(line: bytes)
                check(try round.line().dropLast().elementsEqual(bytes), "a round")
            }
        )
    }

    private static func list() throws -> Spoiling.Entry {
        (
            "round-list", [try rounds().flatMap { try $0.line() }],
            { bytes in
                let rounds = try ScratchFile.lend("rounds.jsonl", bytes) { try ReleaseManifest.Round.listed(in: $0) }
                // What has no end of line is no line yet.
                let whole = bytes.lastIndex(of: UInt8(ascii: "\n")).map { bytes[...$0] } ?? []
                check(try rounds.flatMap { try $0.line() }.elementsEqual(whole), "a list of rounds")
            }
        )
    }

    private static let configuration: Spoiling.Entry = (
        "publish-config",
        [
            """
            values: 1000
            rounds: 3
            minimum-cohort: 3
            quorum: 3
            deadline: 5m
            validate-every: 0
            test: false
            threads: 1

            """
        ].map { Array($0.utf8) },
        { bytes in
            guard let text = String(validating: bytes, as: UTF8.self) else { return }
            let found = try ConfigurationFile.decode(
                PublishConfiguration.self, text: text, file: "/etc/tributary/publish.yaml")
            _ = (found.plan.step(after: 0), found.plan.isLast(0))
        }
    )
}
