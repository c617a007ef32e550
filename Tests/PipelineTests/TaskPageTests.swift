import Federation
import Foundation
import Testing
import Topology

extension PipelineSuite {
    /// The pages of docs/tasks: each command as it stands there, and what it prints.
    @Suite("Task pages")
    struct TaskPageTests {
        private static func page(_ name: String) -> String { "\(FederationRun.repository)/docs/tasks/\(name).md" }

        private func replay(_ names: [String], of page: String, in run: FederationRun, state: String? = nil)
            async throws
        {
            for name in names {
                for step in try Transcript(name, in: Self.page(page)).steps {
                    let printed = try await run.shell(step.command, state: state)
                    #expect(
                        try Transcript.matches(printed, step.expected),
                        "$ \(step.command)\n\(printed)\n\(page) shows:\n\(step.expected.joined(separator: "\n"))")
                }
            }
        }

        private func federation(_ plan: FederationRun.Plan, keys: FederationRun? = nil) throws -> FederationRun {
            let run = try FederationRun(plan, keys: keys)
            try FileManager.default.copyItem(atPath: "\(run.root)/topology.yaml", toPath: "\(run.root)/federation.yaml")
            return run
        }

        @Test("Every fenced command of the pages is replayed, and every page is one that is replayed")
        func allAreReplayed() throws {
            let pages = try FileManager.default.contentsOfDirectory(atPath: "\(FederationRun.repository)/docs/tasks")
            let replayed: Set = [
                "first-run.md", "three-hosts.md", "answer-an-auditor.md", "upgrade-a-stage.md", "read-a-round.md",
                "connect-a-collector.md",
            ]
            #expect(Set(pages) == replayed)
            for page in pages {
                let lines = try String(
                    contentsOfFile: "\(FederationRun.repository)/docs/tasks/\(page)", encoding: .utf8
                )
                .split(separator: "\n", omittingEmptySubsequences: false)
                for (index, line) in lines.enumerated() where line == "```console" {
                    #expect(index > 0 && lines[index - 1].hasPrefix("<!-- replayed: "), "\(page):\(index + 1)")
                }
                #expect(!lines.contains("```sh"), "\(page) has commands that are not replayed")
            }
        }

        @Test("First run")
        func firstRun() async throws {
            var plan = FederationRun.Plan(suite: .clear, updates: 1, evaluates: false)
            plan.trainer = "none"
            let run = try federation(plan)
            try await replay(["first run"], of: "first-run", in: run, state: "\(run.root)/first")
        }

        @Test("Three clouds on three hosts")
        func threeHosts() async throws {
            var plan = FederationRun.Plan(updates: 1, evaluates: false)
            plan.trainer = "none"
            let run = try federation(plan, keys: try await SharedRuns.paillier().run)
            try await replay(["keys", "exchange", "start", "end"], of: "three-hosts", in: run)
        }

        @Test("Read a round, upgrade a stage, answer an auditor")
        func running() async throws {
            var plan = SharedRuns.plan
            plan.updates = 12
            plan.evaluates = false
            let run = try federation(plan, keys: try await SharedRuns.paillier().run)
            try await run.launch()
            let follow = "tributary logs publish@office --topology federation.yaml --follow --format json"
            _ = try await run.shell("\(follow) | grep -m2 round_released")
            try await replay(["now", "logs", "trace", "metrics"], of: "read-a-round", in: run)
            try await replay(["pipe", "sink", "arrives"], of: "connect-a-collector", in: run)
            try await replay(["upgrade"], of: "upgrade-a-stage", in: run)
            let end = try await run.event("exited", of: try run.launcher)
            #expect(end.fields["status"] == "0")
            try await replay(["trails", "round", "sum"], of: "answer-an-auditor", in: run)
        }
    }
}
