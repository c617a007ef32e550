import AggregateLogic
import Configuration
import Corpus
import EncryptLogic
import Foundation
import Glibc
import IngestLogic
import LocalTrainLogic
import Publication
import PublishLogic
import StageKit
import Testing
import Topology

/// One kind of file: its reader, the schema that is derived from it, and files to judge.
struct Subject: CustomTestStringConvertible, Sendable {
    let name: String
    let schema: @Sendable () -> String
    /// Throws what is wrong with a file.
    let read: @Sendable (_ text: String, _ file: String) throws -> Void
    /// Sound texts; `sound` of them has as many keys as there can be.
    let sound: String
    let more: [String]
    /// Replacements in `sound`, each of which spoils it.
    let spoils: [(String, String)]

    var testDescription: String { name }

    static func config<Content: Configurable & SendableMetatype>(
        _ name: String, _ type: Content.Type, schema: @escaping @Sendable () -> String, sound: String,
        more: [String] = [], spoils: [(String, String)]
    ) -> Subject {
        Subject(
            name: name, schema: schema,
            read: { _ = try ConfigurationFile.decode(type, text: $0, file: $1) }, sound: sound, more: more,
            spoils: spoils)
    }

    static let all: [Subject] = [topology, ingest, localTrain, encrypt, aggregate, publish]

    /// This file, which is there.
    static let here = #filePath

    static let topology = Subject(
        name: "topology", schema: { Topology.schema }, read: { _ = try Topology.load(text: $0, file: $1) },
        sound: """
            version: 1
            federation: trial
            run: first
            suite: paillier
            keys: publisher
            profile: turbo
            damgard-jurik: 2
            allow-clear: false
            allow-one-operator: false
            peer-limits: {messages: 500, bytes: 64MiB}
            events: {spool: 8MiB}
            sinks:
              - {kind: file, name: disk, level: info, path: /tmp/events.jsonl, rotate: 1MiB, keep: 2}
              - {kind: syslog, address: "udp://10.0.0.5:514", facility: local3, message: json}
              - {kind: journald, socket: /run/journal}
              - {kind: forward, address: "tcp://a:1", tag: a.b, mode: forward, acknowledge: false, shared-key: key}
              - {kind: otlp, address: "http://10.0.0.7", signals: [logs, traces]}
              - {kind: stderr}
            clouds:
              north:
                owner: North Hospital
                consent: [Trial Office, 7]
                stages:
                  ingest: {config: \(here), owner: North Hospital}
                  local-train: {config: \(here), bind: 0.0.0.0, advertise: trainer.example, work: 7121, news: 7122}
                  encrypt: {config: \(here), binary: /bin/true, memory: 1.5GiB}
              south:
                owner: South
                stages: {ingest: {config: \(here)}, local-train: {config: \(here)}, encrypt: {config: \(here)}}
              west:
                owner: "2"
                stages: {ingest: {config: \(here)}, local-train: {config: \(here)}, encrypt: {config: \(here)}}
              coordinator:
                owner: Trial Office
                stages: {aggregate: {config: \(here), bind: 10.0.0.1, work: 7101, news: 7102}}
              release:
                owner: Release Board
                stages: {publish: {config: \(here), bind: 10.0.0.2, advertise: "::1", work: 7111, news: 7112}}

            """, more: [],
        spoils: [
            ("version: 1", "version: 2"), ("version: 1\n", ""), ("federation: trial\n", ""),
            ("federation: trial", "federation: [trial]"), ("suite: paillier", "suite: paillers"),
            ("profile: turbo", "profile: fast"), ("damgard-jurik: 2", "damgard-jurik: 4"),
            ("allow-clear: false", "allow-clear: \"false\""), ("messages: 500", "messages: 5"),
            ("bytes: 64MiB", "bytes: 64"), ("bytes: 64MiB", "byte: 64MiB"), ("  north:", "  North:"),
            ("owner: South\n", "onwer: South\n"), ("consent: [Trial Office, 7]", "consent: {a: b}"),
            ("ingest: {config: \(here), owner", "ingst: {config: \(here), owner"),
            ("ingest: {config: \(here), owner: North Hospital}", "ingest: {owner: North Hospital}"),
            ("work: 7121, ", "work: 0, "), ("work: 7121, ", "work: many, "), ("bind: 10.0.0.1, ", ""),
            ("work: 7101, news: 7102", "news: 7102"), ("work: 7101, news: 7102", "work: 7101, news: 7102, http: 1"),
            (
                "ingest: {config: \(here), owner: North Hospital}",
                "ingest: {config: \(here), bind: 0.0.0.0, advertise: a, work: 1, news: 2}"
            ),
            ("clouds:", "cloud:"), ("peer-limits: {messages: 500, bytes: 64MiB}", "peer-limits:"),
            ("memory: 1.5GiB", "memory: much"), ("memory: 1.5GiB", "memry: 1GiB"), ("kind: otlp", "kind: oltp"),
            ("path: /tmp/events", "pth: /tmp/events"), ("rotate: 1MiB", "rotate: 1"), ("keep: 2", "keep: 2000"),
            ("facility: local3", "facility: local9"), ("acknowledge: false", "acknowledge: 0"),
            ("mode: forward", "mode: pack"), ("signals: [logs, traces]", "signals: []"), ("spool: 8MiB", "spool: 8"),
        ])

    static let ingest = config(
        "ingest", IngestConfiguration.self, schema: { IngestProgram.program.schema },
        sound: """
            tables: 2024
            variables: \(here)
            mapping: \(here)
            keep: {unit: [icu, 7], sex: [f]}
            split: {salt: trial, validation: 0.1, test: 2e-1}

            """,
        more: [
            "tables: a\nvariables: \(here)\nmapping: \(here)\nsplit: {salt: s, folds: 12, fold: 11, validation: 0}\n"
        ],
        spoils: [
            ("tables: 2024\n", ""), ("tables: 2024", "tables: [a]"), ("tables: 2024", "tables:"),
            ("unit: [icu, 7]", "unit: icu"),
            ("unit: [icu, 7]", "unit: []"), ("salt: trial, ", ""), ("validation: 0.1", "validation: 0.6"),
            ("test: 2e-1", "test: much"), ("split: {salt: trial, validation: 0.1, test: 2e-1}", "split: [trial]"),
            ("test: 2e-1", "tset: 0.2"),
        ])

    static let localTrain = config(
        "local-train", LocalTrainConfiguration.self, schema: { LocalTrainProgram.program.schema },
        sound: """
            base: models/base
            trainer: lora
            threads: 2
            precision: bf16
            device: cuda:1
            sensitivity-records: 16
            event: " died"
            no-event: " survived"

            """, more: ["trainer: none\n"],
        spoils: [
            ("trainer: lora", "trainer: lara"), ("threads: 2", "threads: 0"), ("threads: 2", "threads: 1025"),
            ("threads: 2", "threads: 1.5"), ("threads: 2", "threads: \"2\""), ("threads: 2", "thread: 2"),
            ("precision: bf16", "precision: f16"), ("event: \" died\"", "event: {a: b}"),
            ("base: models/base", "base: \"\""),
        ])

    static let encrypt = config(
        "encrypt", EncryptConfiguration.self, schema: { EncryptProgram.program.schema },
        sound: """
            threads: 4
            limits:
              minimum-cohort: 3
              maximum-share: 0.6
              clip-norm: 1e9
              rounds: 100
              purposes: [statistics, update]
              minimum-fraction: 1
              minimum-noise: 0.5
              answers-in-clear: 3
              literal: false
              keeps-residual: true
              inexact: false
              full: true
              weights: [fedavg, quality]
              tells-loss: true

            """, more: ["", "limits: {}\n", "threads: 1\n"],
        spoils: [
            ("minimum-cohort", "minimum-cohrt"), ("maximum-share: 0.6", "maximum-share: 1.5"),
            ("clip-norm: 1e9", "clip-norm: 1e10"),
            ("[statistics, update]", "[statistic, update]"), ("[statistics, update]", "update"),
            ("literal: false", "literal: 0"),
            ("threads: 4", "threads: four"), ("rounds: 100", "rounds: 0"),
        ])

    static let aggregate = config(
        "aggregate", AggregateConfiguration.self, schema: { AggregateProgram.program.schema },
        sound: "threads: 2\nevidence-rounds: 0\n", more: ["", "# nothing\n", "threads: 1\n"],
        spoils: [
            ("threads: 2", "threads: -1"), ("evidence-rounds: 0", "evidence-rounds: 10001"),
            ("evidence-rounds: 0", "evidence: 0"), ("threads: 2", "threads: [2]"), ("threads: 2", "threads: ~"),
        ])

    static let publish = config(
        "publish", PublishConfiguration.self, schema: { PublishProgram.program.schema },
        sound: """
            rounds: 10
            base: models/base
            base-name: tributary-base
            adapter: {rank: 8, alpha: 16, targets: [q_proj, v_proj], mode: core}
            variables: \(here)
            seed: 3
            local-steps: 12
            batch-size: 32
            learning-rate: 6e-3
            schedule: constant
            weight-decay: 0
            gradient-clip: 1
            clip-norm: 10
            range: 0.1
            bits: 8
            count-bits: 32
            encryption: {formula: selective, fraction: 0.1, noise: 1}
            local-optimizer: sgd
            proximal: 0.01
            weights: {mode: quality, alpha: 0.5, beta: 1, cap: 3, slack: 10s}
            outer: {optimizer: adam, rate: 0.01, momentum: 0.9, second-momentum: 0.99, epsilon: 1e-3}
            minimum-cohort: 3
            quorum: 2
            deadline: 1.5m
            attempts: 2
            keep-releases: 4
            end-grace: 30 s
            validate-every: 2
            test: true
            threads: 2
            output: /tmp/releases

            """,
        more: [
            "rounds: 0\nvalues: 1000\n", "rounds: 1\nbase: b\nadapter: {}\n",
            "rounds: 1\nbase: b\nadapter: {mode: full, maximum-weights: 2000000}\n",
            "rounds: 1\nvalues: 9\ncompression: {scales: fixed, margin: 2, error-feedback: 0.5, fraction: 0.1, rotation: 0, refresh: 3}\n",
            "rounds: 1\nvalues: 9\nquorum: 3\npace: {mode: grace, grace: 3s, oldest: 2, discount: 1}\n",
        ],
        spoils: [
            ("rounds: 10\n", ""), ("rounds: 10", "rounds: -1"), ("rank: 8", "rank: 0"), ("rank: 8", "rnk: 8"),
            ("mode: core", "mode: heart"), ("mode: core", "mode: full, maximum-weights: 20000000"),
            ("[q_proj, v_proj]", "[q_proj, vproj]"), ("learning-rate: 6e-3", "learning-rate: fast"),
            ("schedule: constant", "schedule: linear"),
            ("range: 0.1", "range: 0"), ("bits: 8", "bits: 33"), ("count-bits: 32", "count-bits: 8"),
            ("formula: selective", "formula: some"),
            ("noise: 1", "noise: -1"), ("deadline: 1.5m", "deadline: 90"), ("deadline: 1.5m", "deadline: soon"),
            ("test: true", "test: yes"),
            ("seed: 3", "seed: 1.5"), ("rate: 0.01,", "rate: 11,"), ("optimizer: adam", "optimizer: lion"),
            ("local-optimizer: sgd", "local-optimizer: lbfgs"), ("proximal: 0.01", "proximal: -1"),
            ("quorum: 2", "quorums: 2"),
        ])
}

@Suite("Schemas of topology and configs")
struct SchemaTests {
    static let python = ProcessInfo.processInfo.environment["TRIBUTARY_PYTHON"] ?? ""
    static let judges: Bool = {
        guard access(python, X_OK) == 0 else { return false }
        do { return try run(python, ["-c", "import jsonschema, yaml"]).status == 0 } catch { return false }
    }()
    static let checkout = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path

    static func run(_ program: String, _ arguments: [String]) throws -> (status: Int32, output: String) {
        let process = Process()
        process.executableURL = URL(filePath: program)
        process.arguments = arguments
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        try process.run()
        let text = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: text, as: UTF8.self))
    }

    /// What the reader says of a text: nil where it takes it.
    private func refusal(_ subject: Subject, _ text: String) -> String? {
        do { try subject.read(text, "/etc/tributary/file.yaml") } catch { return "\(error)" }
        return nil
    }

    /// What jsonschema, another program's reading of the schema, says of texts: nil for those that it takes.
    private func refusals(_ subject: Subject, _ texts: [String]) throws -> [String?] {
        let folder = FileManager.default.temporaryDirectory.path + "/tributary-schema-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { do { try FileManager.default.removeItem(atPath: folder) } catch { print("\(folder) stays: \(error)") } }
        let schema = "\(folder)/schema.json"
        try Data(subject.schema().utf8).write(to: URL(filePath: schema))
        var paths: [String] = []
        for (index, text) in texts.enumerated() {
            paths.append("\(folder)/\(index).yaml")
            try Data(text.utf8).write(to: URL(filePath: paths[index]))
        }
        let script = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Reference/schema.py").path
        let (status, output) = try SchemaTests.run(SchemaTests.python, [script, schema] + paths)
        let lines = output.split(separator: "\n")
        try #require(status == 0 && lines.count == texts.count, "\(output)")
        return lines.map { $0.hasPrefix("good ") ? nil : String($0) }
    }

    @Test("schemas/ holds what the readers say now (`make schemas` writes it)", arguments: Subject.all)
    func written(_ subject: Subject) throws {
        let path = "\(SchemaTests.checkout)/schemas/\(subject.name).json"
        #expect(try String(contentsOf: URL(filePath: path), encoding: .utf8) == subject.schema())
    }

    @Test(
        "what the reader takes the schema takes, and both refuse each spoiled file",
        .enabled(if: judges, "set TRIBUTARY_PYTHON to one with jsonschema (make reference)"),
        arguments: Subject.all)
    func agree(_ subject: Subject) throws {
        let good = [subject.sound] + subject.more
        let spoiled = subject.spoils.map { part, other in
            #expect(subject.sound.contains(part), "\(part)")
            return subject.sound.replacing(part, with: other, maxReplacements: 1)
        }
        for text in good { #expect(refusal(subject, text) == nil, "\(text)") }
        for (text, spoil) in zip(spoiled, subject.spoils) {
            #expect(refusal(subject, text) != nil, "the reader takes \(spoil.1)")
        }
        let verdicts = try refusals(subject, good + spoiled)
        for (text, verdict) in zip(good, verdicts) { #expect(verdict == nil, "\(text)") }
        for (verdict, spoil) in zip(verdicts.dropFirst(good.count), subject.spoils) {
            #expect(verdict != nil, "the schema takes \(spoil.1)")
        }
    }

    /// Where a schema has a key that it does not tell about in one line.
    private func untold(_ schema: Any, at place: String = "") -> [String] {
        switch schema {
        case let list as [Any]: return list.flatMap { untold($0, at: place) }
        case let object as [String: Any]:
            // A pattern that begins with letters stands for keys of that name, with a number say; others stand for names of the user's.
            let patterns = object["patternProperties"] as? [String: Any] ?? [:]
            let named = patterns.filter { $0.key.dropFirst().first?.isLetter == true }
            let properties = object["properties"] as? [String: Any] ?? [:]
            let own = properties.merging(named) { own, _ in own }.compactMap { key, value -> String? in
                let about = (value as? [String: Any])?["description"] as? String ?? ""
                return about.isEmpty || about.contains("\n") ? "\(place)/\(key)" : nil
            }
            return own + object.flatMap { key, value in untold(value, at: "\(place)/\(key)") }
        default: return []
        }
    }

    @Test("every key of every schema tells in a line what it is for", arguments: Subject.all)
    func described(_ subject: Subject) throws {
        let text = subject.schema()
        #expect(untold(try JSONSerialization.jsonObject(with: Data(text.utf8))) == [])
        let keys = text.components(separatedBy: "\"description\"").count - 1
        let silent = text.replacing("\"description\"", with: "\"$comment\"")
        #expect(keys > 1)
        #expect(untold(try JSONSerialization.jsonObject(with: Data(silent.utf8))).count == keys)
    }

    @Test(
        "every topology and config of the checkout is taken by its schema, which its first line names",
        .enabled(if: judges, "set TRIBUTARY_PYTHON to one with jsonschema (make reference)"), arguments: Subject.all)
    func examples(_ subject: Subject) throws {
        var texts: [String] = []
        for folder in subject.name == "topology" ? ["topology"] : ["configs/demo", "configs/real"] {
            for file in try FileManager.default.contentsOfDirectory(atPath: "\(SchemaTests.checkout)/\(folder)")
                .sorted()
            {
                guard subject.name == "topology" || file.hasPrefix(subject.name) else { continue }
                let text = try String(
                    contentsOf: URL(filePath: "\(SchemaTests.checkout)/\(folder)/\(file)"), encoding: .utf8)
                let way = folder.contains("/") ? "../.." : ".."
                #expect(
                    text.hasPrefix("# yaml-language-server: $schema=\(way)/schemas/\(subject.name).json\n"),
                    "\(folder)/\(file)")
                texts.append(text)
            }
        }
        #expect(!texts.isEmpty)
        for (text, verdict) in zip(texts, try refusals(subject, texts)) { #expect(verdict == nil, "\(text)") }
    }
}
