import Federation
import Foundation
import Keys
import Testing
import Topology

extension PipelineSuite {
    /// A stage whose files are spoiled says which, where and why on one line, and leaves with 78, which no launcher restarts.
    @Suite("Spoiled files")
    struct SpoiledFileTests {
        /// Which file of which stage is spoiled, and what the complaint must name.
        struct Spoil: Sendable, CustomTestStringConvertible {
            let stage: StageKind
            let what: String
            let names: [String]
            let spoil: @Sendable (FederationRun) throws -> Void
            var testDescription: String { "\(what), \(stage)" }
        }

        private static func edit(_ path: String, _ change: (String) -> String) throws {
            let text = try String(contentsOfFile: path, encoding: .utf8)
            let changed = change(text)
            guard changed != text else { throw FederationRun.Failure(description: "\(path) was not spoiled") }
            try changed.write(toFile: path, atomically: true, encoding: .utf8)
        }

        /// A base model of the run's own, to be spoiled.
        private static func ownBase(_ run: FederationRun) throws -> String {
            let base = "\(run.root)/base"
            try FileManager.default.copyItem(atPath: FederationRun.baseModel, toPath: base)
            for name in ["local-train.yaml", "publish.yaml"] {
                try edit("\(run.root)/\(name)") { $0.replacingOccurrences(of: FederationRun.baseModel, with: base) }
            }
            return base
        }

        static let spoils: [Spoil] =
            [
                (StageKind.ingest, "ingest-north.yaml"), (.localTrain, "local-train.yaml"), (.encrypt, "encrypt.yaml"),
                (.aggregate, "aggregate.yaml"), (.publish, "publish.yaml"),
            ].map { stage, file in
                Spoil(stage: stage, what: "an unknown key in its config", names: [file, "colour"]) {
                    try edit("\($0.root)/\(file)") { $0 + "\ncolour: red\n" }
                }
            }
            + StageKind.allCases.map { stage in
                Spoil(stage: stage, what: "a topology that is no YAML", names: ["topology.yaml"]) {
                    try edit("\($0.root)/topology.yaml") { $0 + "\n\t- [\n" }
                }
            }
            + [
                Spoil(stage: .encrypt, what: "a topology without publish", names: ["topology.yaml", "publish"]) {
                    try edit("\($0.root)/topology.yaml") { $0.replacingOccurrences(of: "publish:", with: "polish:") }
                },
                Spoil(stage: .encrypt, what: "a card that is cut", names: ["aggregate.pub"]) {
                    try edit("\($0.keys.root)/public/north/aggregate.pub") { String($0.prefix(40)) }
                },
                Spoil(stage: .publish, what: "a secret that others can read", names: ["publish.curve"]) {
                    try FileManager.default.setAttributes(
                        [.posixPermissions: 0o644], ofItemAtPath: "\($0.keys.root)/secret/north/publish.curve")
                },
                Spoil(stage: .localTrain, what: "weights that are cut", names: ["model.safetensors"]) {
                    let path = try "\(ownBase($0))/model.safetensors"
                    try $0.write(Array(try $0.read(path).dropLast(1000)), path)
                },
                Spoil(stage: .publish, what: "weights that are cut", names: ["model.safetensors"]) {
                    let path = try "\(ownBase($0))/model.safetensors"
                    try $0.write(Array(try $0.read(path).dropLast(1000)), path)
                },
                Spoil(stage: .localTrain, what: "a tokenizer that is no JSON", names: ["tokenizer.json"]) {
                    try edit("\(ownBase($0))/tokenizer.json") { String($0.dropLast(10)) }
                },
                Spoil(
                    stage: .publish, what: "a model's config without its size", names: ["config.json", "hidden_size"]
                ) {
                    try edit("\(ownBase($0))/config.json") {
                        $0.replacingOccurrences(of: "\"hidden_size\"", with: "\"hidden\"")
                    }
                },
                Spoil(stage: .ingest, what: "a table without a column", names: ["ICUSTAYS", "intime"]) {
                    try edit("\($0.root)/tables/north/ICUSTAYS.csv") {
                        $0.replacingOccurrences(of: "intime", with: "in_time")
                    }
                },
                Spoil(stage: .ingest, what: "a table that is not there", names: ["ICUSTAYS"]) {
                    try FileManager.default.removeItem(atPath: "\($0.root)/tables/north/ICUSTAYS.csv")
                },
                Spoil(
                    stage: .ingest, what: "a table that is cut in the middle of its gzip stream", names: ["CHARTEVENTS"]
                ) {
                    let path = "\($0.root)/tables/north/CHARTEVENTS.csv.gz"
                    try $0.write(Array(try $0.read(path).dropLast(500)), path)
                },
            ]

        @Test("The files as they are suit every stage")
        func sound() async throws {
            let run = try FederationRun(.init(clouds: ["north"], suite: .clear, updates: 1, evaluates: false))
            try run.startAll()
            #expect(try await run.finish().values.allSatisfy { $0 == 0 })
        }

        @Test("A spoiled file ends its stage with 78 and one clear line", arguments: spoils)
        func spoiled(spoil: Spoil) async throws {
            let run = try FederationRun(.init(clouds: ["north"], suite: .clear, updates: 1, evaluates: false))
            let stage = run.stage(spoil.stage, "north")
            try spoil.spoil(run)
            try run.start(stage)
            let end = await run.book.first(within: 60) { $0.name == "exited" || $0.name == "killed" }
            let complaints = run.book.all.filter { $0.name == "text" }.map(\.line)
            #expect(end?.fields["status"] == "78", "\(run.book.all.map(\.line))")
            let complaint = complaints.joined(separator: "\n")
            for name in spoil.names { #expect(complaint.contains(name), "\(complaint)") }
            #expect(complaints.count == 1, "\(complaint)")
        }
    }
}
