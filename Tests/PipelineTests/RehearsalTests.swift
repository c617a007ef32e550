import Encryption
import Federation
import Foundation
import Glibc
import Testing
import Topology

extension PipelineSuite {
    /// A successor finds out before the old process is disturbed that it could not do the stage's work.
    @Suite("Rehearsals of a swap")
    struct RehearsalTests {
        /// Why a successor cannot take over.
        private struct Fault: Sendable {
            let kind: StageKind
            let cloud: String
            /// Spoils something, and answers the config to swap to; nil for the one that the stage has.
            let spoil: @Sendable (FederationRun) throws -> String?
            /// What the answer must name.
            let named: [String]
            var mend: @Sendable (FederationRun) throws -> Void = { _ in }
        }

        /// A config of the run with other text in the place of some.
        private static func config(
            _ run: FederationRun, _ file: String, _ changes: [String: String]
        ) throws -> String {
            var text = String(decoding: try run.read("\(run.root)/\(file)"), as: UTF8.self)
            for (part, other) in changes {
                try #require(text.contains(part), "\(text)")
                text = text.replacing(part, with: other)
            }
            return try run.writeTopology(text, "spoiled-\(file)")
        }

        private static func copy(_ folder: String, _ name: String, in run: FederationRun) throws -> String {
            let path = "\(run.root)/\(name)"
            try FileManager.default.copyItem(atPath: folder, toPath: path)
            return path
        }

        private static func move(_ path: String, to other: String) throws {
            try FileManager.default.moveItem(atPath: path, toPath: other)
        }

        private static func rounding(_ run: FederationRun) -> String {
            "\(run.topology.keysPath)/secret/north/rounding.secret"
        }

        private static func keyOfSums(_ run: FederationRun) -> String {
            "\(run.topology.keysPath)/public/office/paillier.pub"
        }

        /// Its file, the log and the log's index (sqlite.org/wal.html).
        private static func journal(_ run: FederationRun) -> [String] {
            ["", "-wal", "-shm"].map {
                "\(run.topology.stateFolder(of: run.topology.aggregate))/journal.sqlite\($0)"
            }
        }

        private static let faults = [
            Fault(
                kind: .ingest, cloud: "north",
                spoil: { run in
                    let mapping = "\(FederationRun.repository)/configs/mappings/mimic-carevue.yaml"
                    let text = String(decoding: try run.read(mapping), as: UTF8.self)
                    try #require(text.contains("item: itemid"))
                    let other = try run.writeTopology(
                        text.replacing("item: itemid", with: "item: item_number"), "other-mapping.yaml")
                    return try config(run, "ingest-north.yaml", [mapping: other])
                }, named: ["CHARTEVENTS", "item_number"]),
            Fault(
                kind: .ingest, cloud: "east",
                spoil: { run in
                    let tables = try copy("\(run.root)/tables/east", "fewer", in: run)
                    for file in try FileManager.default.contentsOfDirectory(atPath: tables)
                    where file.lowercased().hasPrefix("patient.") {
                        try FileManager.default.removeItem(atPath: "\(tables)/\(file)")
                    }
                    return try config(run, "ingest-east.yaml", ["tables: tables/east": "tables: fewer"])
                }, named: ["there is no patient.csv"]),
            Fault(
                kind: .localTrain, cloud: "north",
                spoil: { run in
                    let base = try copy(FederationRun.baseModel, "cut", in: run)
                    let weights = try run.read("\(base)/model.safetensors")
                    try run.write(Array(weights.dropLast(1000)), "\(base)/model.safetensors")
                    return try config(
                        run, "local-train.yaml",
                        ["trainer: none": "trainer: lora", FederationRun.baseModel: base])
                }, named: ["base model, model.safetensors", "found"]),
            Fault(
                kind: .encrypt, cloud: "north",
                spoil: { run in
                    try move(rounding(run), to: "\(rounding(run)).away")
                    return nil
                }, named: ["rounding.secret", "tributary keys"],
                mend: { try move("\(rounding($0)).away", to: rounding($0)) }),
            Fault(
                kind: .aggregate, cloud: "office",
                spoil: { run in
                    try move(keyOfSums(run), to: "\(keyOfSums(run)).away")
                    _ = try run.writeTopology("threads: 2\n", "aggregate.yaml")
                    return nil
                }, named: ["paillier.pub"],
                mend: { try move("\(keyOfSums($0)).away", to: keyOfSums($0)) }),
            Fault(
                kind: .aggregate, cloud: "office",
                spoil: { run in
                    // The old process has it open, and does nothing meanwhile.
                    try run.hold("office/aggregate")
                    for file in journal(run) { try move(file, to: "\(file).away") }
                    try run.write([UInt8](repeating: 0xFF, count: 8192), journal(run)[0])
                    return nil
                }, named: ["journal.sqlite cannot be read", "not a database"],
                mend: { run in
                    for file in journal(run) {
                        try? FileManager.default.removeItem(atPath: file)
                        try move("\(file).away", to: file)
                    }
                    try run.letGo("office/aggregate")
                }),
            Fault(
                kind: .publish, cloud: "office",
                spoil: { run in
                    let base = try copy(FederationRun.baseModel, "without", in: run)
                    try FileManager.default.removeItem(atPath: "\(base)/tokenizer.json")
                    return try config(run, "publish.yaml", [FederationRun.baseModel: base])
                }, named: ["without has no tokenizer.json"]),
            Fault(
                kind: .publish, cloud: "office",
                spoil: { try config($0, "publish.yaml", ["seed: 3": "seed: 4"]) },
                named: ["changed in the middle of the run", "take the former ones"]),
        ]

        @Test(
            "A successor that could not do the work is told from one that could, and the old process goes on untouched")
        func isTold() async throws {
            let quiet = try await ApplyTests.quietRun.value
            let run = try await ApplyTests.held(ApplyTests.quick, keys: quiet)
            // What has been released binds publish: so has an update.
            try run.letGo("west/local-train")
            _ = try await run.logged("round_released", by: run.topology.publish) { $0.fields["purpose"] == "update" }
            try run.hold("west/local-train")
            try await ApplyTests.waitForWestAlone(run, others: ["north", "east"])
            let began = try run.launched()
            for fault in Self.faults {
                let stage = run.stage(fault.kind, fault.cloud)
                let config = try fault.spoil(run)
                let more = config.map { ["--config", $0] } ?? []
                let found = try await run.swap(stage, more)
                try fault.mend(run)
                let answer = try #require(found)
                #expect(answer.result.event == "failed", "\(stage): \(answer)")
                let told = (answer.result.log ?? []).joined(separator: "\n")
                for name in fault.named { #expect(told.contains(name), "\(stage): \(answer)") }
                #expect(try run.launched() == began, "\(stage)")
            }
            // What a successor failed with is not taken for what runs.
            let plan = try await run.plan("\(run.root)/topology.yaml", "--detailed-exitcode")
            #expect(plan.status == 2, "\(plan.output)\(plan.complaint)")
            #expect(plan.output.contains("its config file has been changed since it was started"), "\(plan.output)")
            // With nothing spoiled, each of them can be replaced.
            for stage in Set(Self.faults.map { run.stage($0.kind, $0.cloud) }).sorted() {
                #expect(try await run.swap(stage)?.result.event == "done", "\(stage)")
            }
            try run.letGo("west/local-train")
            #expect(try await run.event("exited", of: try run.launcher).fields["status"] == "0")
            #expect(try run.adapter() == quiet.adapter())
            for stage in Set(Self.faults.map { run.stage($0.kind, $0.cloud) }) {
                let starts = try run.log(of: stage).filter { $0.name == "stage_started" }
                #expect(starts.map { $0.fields["epoch"] } == ["1", "2"], "\(stage)")
            }
            #expect(try !run.log(of: run.topology.publish).contains { $0.name == "round_abandoned" })
        }
    }
}
