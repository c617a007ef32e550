import Federation
import Foundation
import Glibc
import Keys
import Sodium
import Testing
import Topology

/// What `tributary doctor --format json` prints.
private struct DoctorAnswer: Decodable {
    struct Finding: Decodable {
        let verdict: String
        let area: String
        let subject: String
        let finding: String
        let advice: String?
    }
    let exitCode: Int32
    let data: [Finding]

    func failures(_ area: String) -> [Finding] { data.filter { $0.verdict == "failure" && $0.area == area } }
}

extension PipelineSuite {
    @Suite("Doctor")
    struct DoctorTests {
        private func examine(_ run: FederationRun, state: String? = nil) async throws -> DoctorAnswer {
            let (status, output, complaint) = try await run.command([
                "doctor", "\(run.root)/topology.yaml", "--state", state ?? run.topology.statePath, "--format", "json",
            ])
            #expect(complaint.isEmpty)
            let decoder = JSONDecoder()
            decoder.keyDecodingStrategy = .convertFromSnakeCase
            let answer = try decoder.decode(DoctorAnswer.self, from: Data(output.utf8))
            #expect(answer.exitCode == status)
            return answer
        }

        @Test("A federation that runs is in order; `ps` and doctor tell who waits for whom")
        func sound() async throws {
            let run = try FederationRun(.init(suite: .clear, updates: 1))
            let held = run.stage(.localTrain, "east")
            try await run.launch()
            try await run.signalLaunched(SIGSTOP, to: held)
            try await run.logged("contribution_counted", of: run.topology.aggregate, round: 2)
            let aggregate = "\(run.topology.aggregate)"
            let waits = "round 2 (update): 2 of 3 contributions are here"
            var last: DoctorAnswer?
            let clock = ContinuousClock()
            let deadline = clock.now + .seconds(60)
            while clock.now < deadline {
                let answer = try await examine(run)
                last = answer
                if answer.data.contains(where: { $0.subject == aggregate && $0.finding.contains(waits) }) { break }
            }
            let answer = try #require(last)
            // What is held is told as that, and nothing else has failed.
            // Its sockets may fall silent before the launcher has looked at it.
            func isTold(_ findings: [DoctorAnswer.Finding]) -> Bool {
                findings.contains { $0.area == "stage" && $0.finding.contains("is stopped by a signal") }
            }
            var failed = answer.data.filter { $0.verdict == "failure" }
            let giveUp = clock.now + .seconds(30)
            while !isTold(failed), clock.now < giveUp {
                failed = try await examine(run).data.filter { $0.verdict == "failure" }
            }
            #expect(isTold(failed), "\(failed)")
            #expect(failed.allSatisfy { $0.subject.contains("\(held)") }, "\(failed)")
            let said = try #require(answer.data.first { $0.area == "stage" && $0.subject == aggregate })
            #expect(said.finding.hasPrefix("waiting for east/encrypt: \(waits)"))
            #expect(answer.data.contains { $0.area == "link" && $0.finding.contains("let in after") })
            let (_, text, _) = try await run.command([
                "ps", "\(run.root)/topology.yaml", "--state", run.topology.statePath,
            ])
            #expect(text.contains("waiting for east/encrypt: \(waits)"))
            #expect(
                text.split(separator: "\n").contains { $0.hasPrefix("\(held) ") && $0.contains("  still  ") }, "\(text)"
            )
            try await run.signalLaunched(SIGCONT, to: held)
            run.signal(SIGTERM, to: try run.launcher)
            _ = try await run.event("exited", of: try run.launcher)
        }

        @Test("Stages that something else supervises are told as ready, and that there is no launcher is no fault")
        func supervisedByOthers() async throws {
            var plan = FederationRun.Plan(suite: .clear, updates: 200, evaluates: false)
            plan.trainer = "none"
            let run = try FederationRun(plan)
            try run.startAll()
            for stage in run.stages { _ = try await run.event("stage_ready", of: stage) }
            let answer = try await examine(run)
            #expect(answer.failures("launcher").isEmpty && answer.failures("stage").isEmpty, "\(answer.data)")
            for stage in run.stages {
                let told = answer.data.first { $0.area == "stage" && $0.subject == "\(stage)" }
                #expect(told?.finding == "ready, supervised by something else (process \(run.pid(of: stage)))")
            }
        }

        @Test("Nothing runs: the launcher and every hub are told as missing, with what to do")
        func nothingRuns() async throws {
            let run = try FederationRun(.init(suite: .clear, updates: 1))
            try FileManager.default.createDirectory(
                atPath: run.topology.statePath, withIntermediateDirectories: true)
            let answer = try await examine(run)
            #expect(answer.exitCode == 1)
            #expect(answer.failures("launcher").first?.advice?.contains("tributary up") == true)
            let refused = answer.failures("link").filter { $0.finding.contains("connection refused") }
            #expect(refused.contains { $0.subject == "north/encrypt -> \(run.topology.aggregate)" })
            #expect(answer.failures("keys").isEmpty)
        }

        @Test("A hub's key that is not the one known here, and a key that a hub does not admit, are told apart")
        func keys() async throws {
            let run = try FederationRun(.init(suite: .clear, updates: 1))
            let aggregate = run.topology.aggregate
            try await run.launch()
            // Or the run would end.
            try await run.signalLaunched(SIGSTOP, to: run.stage(.localTrain, "east"))
            let held = run.stage(.localTrain, "east")
            #expect(try await examine(run).failures("link").allSatisfy { $0.subject.hasSuffix("-> \(held)") })
            // Another host's keys, as far as doctor can see: a stage takes up what changes in its own folder.
            let elsewhere = "\(run.root)/elsewhere"
            let files = FileManager.default
            try files.createDirectory(atPath: elsewhere, withIntermediateDirectories: true)
            try files.copyItem(atPath: run.topology.keysPath, toPath: "\(elsewhere)/keys")
            let keys = KeyStore(root: "\(elsewhere)/keys")
            func replace(_ stage: StageName) throws {
                try files.removeItem(atPath: "\(keys.root)/public/\(stage.cloud)/\(stage.kind).pub")
                for ending in ["curve", "sign"] {
                    try files.removeItem(atPath: "\(keys.root)/secret/\(stage.cloud)/\(stage.kind).\(ending)")
                }
                try keys.complete(stage)
            }
            let publish = run.topology.publish
            // Sockets inside a cloud belong to one state; those between clouds are reached from anywhere.
            let before = try await examine(run, state: elsewhere).failures("link")
            #expect(!before.contains { $0.finding.contains(" port ") })
            try replace(aggregate)
            try replace(run.stage(.encrypt, "west"))
            let links = try await examine(run, state: elsewhere).failures("link")
            let wrong = try #require(links.first { $0.subject == "north/encrypt -> \(aggregate)" })
            #expect(wrong.finding.contains("hangs up during the handshake"))
            #expect(wrong.advice?.contains("keys/public/\(aggregate.cloud)/aggregate.pub") == true)
            let stranger = try #require(links.first { $0.subject == "west/encrypt -> \(publish)" })
            #expect(stranger.finding.contains("does not admit"))
            #expect(!links.contains { $0.subject == "north/encrypt -> \(publish)" })
            // A key that others may read is named before it is used.
            chmod("\(keys.root)/secret/north/encrypt.curve", 0o644)
            let exposed = try await examine(run, state: elsewhere).failures("keys")
            #expect(exposed.first { $0.subject == "north/encrypt" }?.finding.contains("chmod 0600") == true)
            try await run.signalLaunched(SIGCONT, to: run.stage(.localTrain, "east"))
            run.signal(SIGTERM, to: try run.launcher)
            _ = try await run.event("exited", of: try run.launcher)
        }

        @Test("A revoked key is told as revoked, whoever's it is, and one that was renewed is none")
        func revoked() async throws {
            let run = try FederationRun(.init(suite: .clear, updates: 1))
            let (aggregate, publish) = (run.topology.aggregate, run.topology.publish)
            try await run.launch()
            try await run.signalLaunched(SIGSTOP, to: run.stage(.localTrain, "east"))
            let elsewhere = "\(run.root)/elsewhere"
            try FileManager.default.createDirectory(atPath: elsewhere, withIntermediateDirectories: true)
            try FileManager.default.copyItem(atPath: run.topology.keysPath, toPath: "\(elsewhere)/keys")
            let keys = KeyStore(root: "\(elsewhere)/keys")
            let (west, north) = (run.stage(.encrypt, "west"), run.stage(.encrypt, "north"))
            let before = try await examine(run, state: elsewhere)
            #expect(
                before.failures("keys").isEmpty && !before.failures("link").contains { $0.finding.contains("revoked") })
            try keys.revoke(keys.card(of: west), reason: "laptop lost")
            try keys.revoke(keys.card(of: aggregate), reason: "moved")
            // Its first key is revoked and gone, and it has a second.
            _ = try keys.renew(north)
            try keys.revoke(keys.card(of: north), reason: "rotated")
            for ending in ["curve", "sign"] {
                try FileManager.default.removeItem(atPath: "\(keys.root)/secret/\(north.cloud)/\(north.kind).\(ending)")
            }
            let answer = try await examine(run, state: elsewhere)
            let own = try #require(answer.failures("keys").first { $0.subject == "\(west)" })
            #expect(own.finding.contains("are revoked (laptop lost)") && own.finding.contains("tributary renew"))
            #expect(!answer.failures("keys").contains { $0.subject == "\(north)" })
            let hub = try #require(answer.failures("link").first { $0.subject == "\(north) -> \(aggregate)" })
            #expect(hub.finding.contains("are revoked (moved)"))
            // The hub does not know the new key yet: that is another thing.
            let unknown = try #require(answer.failures("link").first { $0.subject == "\(north) -> \(publish)" })
            #expect(unknown.finding.contains("does not admit"))
            try await run.signalLaunched(SIGCONT, to: run.stage(.localTrain, "east"))
            run.signal(SIGTERM, to: try run.launcher)
            _ = try await run.event("exited", of: try run.launcher)
        }
    }
}
