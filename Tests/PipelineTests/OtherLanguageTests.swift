import Federation
import Foundation
import Testing
import Topology

private let python = ProcessInfo.processInfo.environment["TRIBUTARY_PYTHON"]

extension PipelineSuite {
    @Suite(
        "A stage in another language",
        .enabled(
            if: python != nil, "`make reference`, or set TRIBUTARY_PYTHON to one with pyzmq, msgpack, PyNaCl and PyYAML"
        ))
    struct OtherLanguageTests {
        @Test("A local-train in Python takes the place of ours in the middle of a run, and ours its place again")
        func swapped() async throws {
            var plan = FederationRun.Plan(updates: 60, stays: 12, evaluates: false)
            plan.trainer = "none"
            plan.keys = .publisher
            let quiet = try FederationRun(plan)
            try await quiet.launch()
            _ = try await quiet.event("exited", of: try quiet.launcher)

            let run = try FederationRun(plan, keys: quiet)
            let script = "\(run.root)/local-train"
            let text = "#!/bin/sh\nexec '\(python ?? "")' '\(FederationRun.repository)/interop/local_train.py' \"$@\"\n"
            try run.write(Array(text.utf8), script)
            try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: script)
            try await run.launch()
            let stage = run.stage(.localTrain, "west")
            let there = try #require(try await run.swap(stage, "--binary", script))
            #expect(there.result.event == "done", "\(there)")
            try await run.line(of: stage) { $0.contains("\"round_trained\"") && !$0.contains("delta_norm") }
            let back = try #require(
                try await run.swap(stage, "--binary", "\(FederationRun.binaries)/tributary-local-train"))
            #expect(back.result.event == "done", "\(back)")
            let end = try await run.event("exited", of: try run.launcher)
            #expect(end.fields["status"] == "0")
            #expect(try run.adapter() == quiet.adapter())
            let times = try RoundTimes(of: run)
            #expect(times.abandoned == 0)
            #expect(times.rounds == plan.updates + 1)
        }
    }
}

extension FederationRun {
    /// Waits for a line in a launched stage's log.
    func line(of stage: StageName, _ matches: (Substring) -> Bool) async throws {
        let path = topology.logPath(of: stage)
        for _ in 0..<600 {
            let text = try String(contentsOfFile: path, encoding: .utf8)
            if text.split(separator: "\n").contains(where: matches) { return }
            try await Task.sleep(for: .milliseconds(100))
        }
        throw Failure(description: "no such line in \(path)")
    }
}
