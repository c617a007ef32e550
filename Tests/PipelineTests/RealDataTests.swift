import Federation
import Foundation
import Publication
import Testing

private let realData = ProcessInfo.processInfo.environment["TRIBUTARY_DATA"]

extension PipelineSuite {
    /// The whole pipeline as its users run it, over real tables, shortened; and what they type next.
    @Suite(
        "Real tables",
        .enabled(
            if: realData != nil, "set TRIBUTARY_DATA to the folder that holds mimic3_demo and eicu_demo (docs/data.md)")
    )
    struct RealDataTests {
        /// A program run to its end.
        private func run(_ arguments: [String]) throws -> (status: Int32, output: [UInt8]) {
            let process = Process()
            process.executableURL = URL(fileURLWithPath: "\(FederationRun.binaries)/tributary")
            process.arguments = arguments
            process.currentDirectoryURL = URL(fileURLWithPath: FederationRun.repository)
            let pipe = Pipe()
            process.standardOutput = pipe
            try process.run()
            let output = Array(pipe.fileHandleForReading.readDataToEndOfFile())
            process.waitUntilExit()
            return (process.terminationStatus, output)
        }

        private func folder(_ name: String) -> String { "/tmp/tr-\(ProcessInfo.processInfo.processIdentifier)-\(name)" }

        @Test(
            "Three clouds of MIMIC-III and eICU go from tables to a signed adapter, which verifies until it is touched")
        func threeClouds() throws {
            let out = folder("three")
            defer { try? FileManager.default.removeItem(atPath: out) }
            let data = try #require(realData)
            let demo = try run(
                ["demo", "--real", data, "--rounds", "2", "--no-compare", "--out", out, "--format", "json"])
            #expect(demo.status == 0)
            let report = try RunReport(demo.output)
            #expect(report.suite == "paillier" && report.keyMode == "threshold")
            #expect(report.rounds.count == 2)
            for round in report.rounds {
                #expect(Set(round.clouds.map(\.cloud)) == ["carevue", "metavision", "eicu"])
                #expect(round.clouds.allSatisfy { $0.wireBytes > 0 && $0.fp32Bytes > 0 })
            }
            // Every cloud's own records, as they are known to be (docs/data.md).
            for (cloud, stays) in [("carevue", 59), ("metavision", 77), ("eicu", 2175)] {
                let url = URL(fileURLWithPath: "\(out)/state/\(cloud)/ingest/report.json")
                let report = try #require(JSONSerialization.jsonObject(with: Data(contentsOf: url)) as? [String: Any])
                let cohort = try #require(report["cohort"] as? [String: Any])
                #expect(cohort["stays"] as? Int == stays, "\(cloud)")
            }

            // What it tells people to type next, as it stands there; PEFT's line wants its own libraries.
            #expect(report.commands.count == 4)
            for line in report.commands.map(\.line) where !line.hasPrefix("python3") || PythonLine.python != nil {
                let (status, text) = try PythonLine.run(line)
                #expect(status == 0, "\(line)\n\(text)")
            }

            let releases = "\(out)/state/release/publish/releases"
            let key = "\(out)/state/keys/public/release/minisign.pub"
            #expect(try run(["verify", releases, "--key", key]).status == 0)
            let names = try FileManager.default.contentsOfDirectory(atPath: releases).filter { $0.hasPrefix("round-") }
            let weights = URL(fileURLWithPath: "\(releases)/\(try #require(names.max()))/adapter_model.safetensors")
            var bytes = try Data(contentsOf: weights)
            bytes[bytes.count - 1] ^= 1
            try bytes.write(to: weights)
            #expect(try run(["verify", releases, "--key", key]).status == 1)
        }

        @Test("Five regions of one data set are five clouds, each with its own hospitals")
        func regions() throws {
            let out = folder("regions")
            defer { try? FileManager.default.removeItem(atPath: out) }
            let data = try #require(realData)
            let demo = try run(
                [
                    "demo", "--real", data, "--regions", "--rounds", "1", "--suite", "clear", "--no-compare", "--out",
                    out,
                    "--format", "json",
                ])
            #expect(demo.status == 0)
            let report = try RunReport(demo.output)
            #expect(report.suite == "clear")
            #expect(report.rounds.first?.clouds.count == 5)
        }
    }
}
