import Federation
import Foundation
import Publication
import Testing
import Topology

extension PipelineSuite {
    /// What README.md shows of a running federation, done again: the commands as they stand there, and what they print.
    @Suite("README's transcripts")
    struct TranscriptTests {
        private static let readme = "\(FederationRun.repository)/README.md"

        @Test("A transcript's numbers, spaces and gaps stand for any, and nothing else does")
        func matching() throws {
            let shown = ["✓ goes on as process 4711, 0.011 s without one", "...", "STATE   PID", "ready   … 7."]
            let printed = "✓ goes on as process 23, 1.5 s without one\na\nb\nSTATE PID   \nready in no time 12.\n"
            #expect(try Transcript.matches(printed, shown))
            #expect(try !Transcript.matches(printed.replacing("goes on", with: "has ended"), shown))
            #expect(try !Transcript.matches(printed + "one more\n", shown))
            #expect(try !Transcript.matches(printed.replacing("STATE PID   \n", with: ""), shown))
            #expect(try Transcript.matches("", []))
            #expect(throws: Transcript.Missing.self) { try Transcript("nothing", in: Self.readme) }
        }

        @Test("Swap, recovery and all else that README shows happens as shown, and the adapter is the same")
        func replay() async throws {
            var plan = SharedRuns.plan
            plan.updates = 30
            plan.evaluates = false
            let undisturbed = try FederationRun(plan)
            try await undisturbed.run()
            let run = try FederationRun(plan, keys: undisturbed)
            let files = FileManager.default
            try files.copyItem(atPath: "\(run.root)/topology.yaml", toPath: "\(run.root)/federation.yaml")
            try run.write(
                Array("trainer: lora\nbase: \(FederationRun.baseModel)\nthreads: 1\n".utf8),
                "\(run.root)/tuned.yaml")
            _ = try run.topology(withAggregateIn: "north", file: "moved.yaml")
            try await run.launch()
            for name in ["swap", "move", "recovery"] {
                for step in try Transcript(name, in: Self.readme).steps {
                    let printed = try await run.shell(step.command)
                    #expect(
                        try Transcript.matches(printed, step.expected),
                        "$ \(step.command)\n\(printed)\nREADME shows:\n\(step.expected.joined(separator: "\n"))")
                }
            }
            let end = try await run.event("exited", of: try run.launcher)
            #expect(end.fields["status"] == "0")
            #expect(try run.adapter() == undisturbed.adapter())
            #expect(ReleaseVerification.verify("\(run.releases)/latest").isSound)
        }
    }
}
