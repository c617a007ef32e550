import Federation
import Foundation
import Glibc
import Testing
import Topology

extension PipelineSuite {
    /// What a stage that was broken into could still do; each with the same process unconfined beside it.
    @Suite("Confinement")
    struct ConfinementTests {
        /// What came of each attempt of `tributary-lab confinement`.
        private func attempts(confined: Bool) throws -> [String: String] {
            let root = "/tmp/tc-\(getpid())-\(confined)"
            try FileManager.default.createDirectory(atPath: "\(root)/inside", withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(atPath: root) }
            try Data("there".utf8).write(to: URL(fileURLWithPath: "\(root)/inside/there"))
            try Data("outside".utf8).write(to: URL(fileURLWithPath: "\(root)/outside"))
            let (allowed, other) = (try Listener(), try Listener())
            let process = Process()
            process.executableURL = URL(fileURLWithPath: "\(FederationRun.binaries)/tributary-lab")
            process.arguments =
                [
                    "confinement", "--inside", "\(root)/inside", "--outside", "\(root)/outside", "--allowed-port",
                    "\(allowed.port)", "--other-port", "\(other.port)",
                ] + (confined ? [] : ["--unconfined"])
            let pipe = Pipe()
            process.standardOutput = pipe
            try process.run()
            let text = String(decoding: try pipe.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
            process.waitUntilExit()
            let pairs = text.split(separator: "\n").map { line in
                let words = line.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false)
                return (String(words[0]), words.count > 1 ? String(words[1]) : "")
            }
            return Dictionary(pairs) { $1 }
        }

        @Test("A confined process reads, writes, executes and reaches what it needs, and nothing else")
        func attempts() throws {
            let (free, bound) = (try attempts(confined: false), try attempts(confined: true))
            let landlock = Int(bound["landlock"] ?? "") ?? 0
            let isFiltered = bound["seccomp"] == "true"
            for what in ["read-inside", "write-inside", "rename-inside", "connect-allowed"] {
                #expect(free[what] == "done" && bound[what] == "done", "\(what): \(bound[what] ?? "nothing")")
            }
            // What the kernel cannot keep is said, and not tested.
            #expect(bound["gaps"]?.isEmpty == (landlock >= 4 && isFiltered), "\(bound)")
            func closed(_ what: String) {
                #expect(free[what] == "done", "\(what) without confinement: \(free[what] ?? "nothing")")
                #expect(bound[what] != nil && bound[what] != "done", "\(what)")
            }
            if landlock > 0 {
                for what in ["read-outside", "write-outside", "read-outside-in-a-thread"] { closed(what) }
            }
            if landlock >= 4 { closed("connect-other") }
            if landlock >= 6 { closed("signal-parent") }
            if isFiltered { closed("execute") }
            if isFiltered, geteuid() == 0 { for what in ["chroot", "packet-socket"] { closed(what) } }
        }

        @Test("Every stage confines itself in all its threads before it is ready, and one that is told not to says so")
        func stages() async throws {
            let run = try FederationRun(.init())
            func threads(of stage: StageName) throws -> [String] {
                let folder = "/proc/\(run.pid(of: stage))/task"
                return try FileManager.default.contentsOfDirectory(atPath: folder).map {
                    try String(contentsOfFile: "\(folder)/\($0)/status", encoding: .utf8)
                }
            }
            let isFiltered = { (status: String) in
                status.contains("Seccomp:\t2") && status.contains("NoNewPrivs:\t1")
            }
            for stage in run.stages.sorted(by: { $0.kind > $1.kind }) {
                try run.start(stage)
                _ = try await run.event("stage_ready", of: stage)
                let event = try await run.event("confined", of: stage)
                let landlock = try #require(Int(event.fields["landlock"] ?? ""))
                let hasFilter = event.line.contains("\"seccomp\":true")
                // Nothing is missing that the kernel has, in no thread.
                #expect((event.fields["reason"] == nil) == (landlock >= 4 && hasFilter), "\(event.line)")
                #expect(event.fields["reason"]?.contains("threads") != true, "\(event.line)")
                if hasFilter { #expect(try threads(of: stage).allSatisfy(isFiltered)) }
            }
            let other = try FederationRun(.init())
            let stage = other.topology.aggregate
            try other.start(
                stage, program: "tributary-aggregate",
                [
                    "--topology", "\(other.root)/topology.yaml", "--cloud", "\(stage.cloud)", "--state",
                    other.topology.statePath, "--unconfined",
                ])
            _ = try await other.event("stage_ready", of: stage)
            _ = try await other.event("unconfined", of: stage)
            let folder = "/proc/\(other.pid(of: stage))/status"
            #expect(!isFiltered(try String(contentsOfFile: folder, encoding: .utf8)))
        }
    }
}
