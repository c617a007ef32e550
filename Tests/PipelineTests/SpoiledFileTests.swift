import Federation
import Foundation
import Glibc
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
            /// The file, and what in it: a line, a column, a field, a byte.
            let place: [String]
            /// What to do about it.
            let remedy: String
            /// By which event it is known that the stage has read the file.
            var read = "stage_ready"
            /// Makes a copy of the run's own, where the file is the checkout's.
            var prepare: @Sendable (FederationRun) throws -> Void = { _ in }
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
        @Sendable private static func ownBase(_ run: FederationRun) throws {
            try FileManager.default.copyItem(atPath: FederationRun.baseModel, toPath: "\(run.root)/base")
            for name in ["local-train.yaml", "publish.yaml"] {
                try edit("\(run.root)/\(name)") {
                    $0.replacingOccurrences(of: FederationRun.baseModel, with: "\(run.root)/base")
                }
            }
        }

        @Sendable private static func cutWeights(_ run: FederationRun) throws {
            let path = "\(run.root)/base/model.safetensors"
            try run.write(Array(try run.read(path).dropLast(1000)), path)
        }

        static let spoils: [Spoil] =
            [
                (StageKind.ingest, "ingest-north.yaml"), (.localTrain, "local-train.yaml"), (.encrypt, "encrypt.yaml"),
                (.aggregate, "aggregate.yaml"), (.publish, "publish.yaml"),
            ].map { stage, file in
                Spoil(
                    stage: stage, what: "an unknown key in its config",
                    place: ["/\(file):", ":1: unknown key `colour`"],
                    remedy: "; known here: "
                ) {
                    try edit("\($0.root)/\(file)") { "colour: red\n" + $0 }
                }
            }
            + StageKind.allCases.map { stage in
                Spoil(
                    stage: stage, what: "a topology that is no YAML", place: ["/topology.yaml:2"],
                    remedy: "is not YAML: while scanning"
                ) {
                    try edit("\($0.root)/topology.yaml") {
                        $0.replacingOccurrences(of: "version: 1\n", with: "version: 1\n\t- [\n")
                    }
                }
            }
            + [
                Spoil(
                    stage: .encrypt, what: "a topology without publish", place: ["/topology.yaml:", "polish"],
                    remedy: "publish"
                ) {
                    try edit("\($0.root)/topology.yaml") { $0.replacingOccurrences(of: "publish:", with: "polish:") }
                },
                Spoil(
                    stage: .encrypt, what: "a card that is cut", place: ["/public/north/aggregate.pub"], remedy: "again"
                ) {
                    try edit("\($0.keys.root)/public/north/aggregate.pub") { String($0.prefix(40)) }
                },
                Spoil(
                    stage: .publish, what: "a secret that others can read",
                    place: ["/secret/north/publish.curve", "mode 0644"], remedy: "run `chmod 0600 "
                ) {
                    try FileManager.default.setAttributes(
                        [.posixPermissions: 0o644], ofItemAtPath: "\($0.keys.root)/secret/north/publish.curve")
                },
                Spoil(
                    stage: .localTrain, what: "weights that are cut", place: ["/base", "model.safetensors"],
                    remedy: "again", prepare: ownBase, spoil: cutWeights),
                Spoil(
                    stage: .publish, what: "weights that are cut", place: ["/base", "model.safetensors"],
                    remedy: "again", prepare: ownBase, spoil: cutWeights),
                Spoil(
                    stage: .localTrain, what: "a tokenizer that is no JSON", place: ["/base", "tokenizer.json"],
                    remedy: "again", prepare: ownBase
                ) {
                    try edit("\($0.root)/base/tokenizer.json") { String($0.dropLast(10)) }
                },
                Spoil(
                    stage: .publish, what: "a model's config without its size",
                    place: ["/base", "config.json", "hidden_size"], remedy: "again", prepare: ownBase
                ) {
                    try edit("\($0.root)/base/config.json") {
                        $0.replacingOccurrences(of: "\"hidden_size\"", with: "\"hidden\"")
                    }
                },
                Spoil(
                    stage: .ingest, what: "a table without a column",
                    place: ["/tables/north/ICUSTAYS.csv:1: there is no column \"intime\""],
                    remedy: "did the mapping mean \"in_time\"?", read: "tables_read"
                ) {
                    try edit("\($0.root)/tables/north/ICUSTAYS.csv") {
                        $0.replacingOccurrences(of: "intime", with: "in_time")
                    }
                },
                Spoil(
                    stage: .ingest, what: "a table that is not there", place: ["/tables/north: ", "ICUSTAYS.csv"],
                    remedy: "the mapping needs this table", read: "tables_read"
                ) {
                    try FileManager.default.removeItem(atPath: "\($0.root)/tables/north/ICUSTAYS.csv")
                },
                Spoil(
                    stage: .ingest, what: "a table that is cut in the middle of its gzip stream",
                    place: ["/tables/north/CHARTEVENTS.csv.gz: "], remedy: "copy the file again", read: "tables_read"
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

        private func end(of stage: StageName, in run: FederationRun) async -> StageEvent? {
            let pid = run.pid(of: stage)
            return await run.book.first(within: 60) {
                ($0.name == "exited" || $0.name == "killed") && $0.fields["pid"] == "\(pid)"
            }
        }

        @Test(
            "A file that suited its stage, and is spoiled then, ends it with 78 and one line: what, where, and what to do",
            arguments: spoils)
        func spoiled(spoil: Spoil) async throws {
            let run = try FederationRun(.init(clouds: ["north"], suite: .clear, updates: 1, evaluates: false))
            let stage = run.stage(spoil.stage, "north")
            try spoil.prepare(run)
            try run.start(stage)
            _ = try await run.event(spoil.read, of: stage)
            run.signal(SIGTERM, to: stage)
            #expect(await end(of: stage, in: run)?.fields["status"] == "0", "\(run.book.all.map(\.line))")
            let said = run.book.all.count

            try spoil.spoil(run)
            try run.start(stage)
            let end = await end(of: stage, in: run)
            let complaints = run.book.all.dropFirst(said).filter { $0.name == "text" }.map(\.line)
            #expect(end?.fields["status"] == "78", "\(run.book.all.map(\.line))")
            #expect(complaints.count == 1, "\(complaints)")
            for part in spoil.place + [spoil.remedy] {
                #expect(complaints.first?.contains(part) == true, "no \"\(part)\" in: \(complaints)")
            }
        }
    }
}
