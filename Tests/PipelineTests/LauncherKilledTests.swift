import Federation
import Foundation
import Glibc
import Publication
import Testing
import Topology

// A launcher that dies, and the one that comes after it.
extension FederationRun {
    /// Kills the launcher as a loss of power would; its stages end with it, some moments later.
    func killLauncher() async throws {
        let pid = pid(of: try launcher)
        signal(SIGKILL, to: try launcher)
        _ = try await event("killed", of: try launcher) { $0.fields["pid"] == "\(pid)" }
    }

    /// Starts another, at once, and returns when all stages are ready.
    func launchAgain(by file: String) async throws {
        try start(try launcher, program: "tributary", ["up", file, "--state", topology.statePath])
        let giveUp = ContinuousClock.now + .seconds(120)
        while ContinuousClock.now < giveUp {
            // Until it has the state there is none to wait for.
            if try await command(["ps", file, "--state", topology.statePath, "--wait"]).status == 0 { return }
            try await Task.sleep(for: .milliseconds(50))
        }
        throw Failure(description: book.all.suffix(25).map(\.line).joined(separator: "\n"))
    }
}

extension PipelineSuite {
    @Suite("The launcher killed in the middle of a change")
    struct LauncherKilledTests {
        private func expectSoundEnd(of run: FederationRun, as quiet: FederationRun) async throws {
            let pid = run.pid(of: try run.launcher)
            let end = try await run.event("exited", of: try run.launcher, within: 300) { $0.fields["pid"] == "\(pid)" }
            #expect(end.fields["status"] == "0")
            #expect(try run.adapter() == quiet.adapter())
            #expect(ReleaseVerification.verify("\(run.releases)/latest").isSound)
        }

        @Test("In the middle of a swap: the next start goes on with the same round, and the adapter is the same")
        func swap() async throws {
            let quiet = try await ApplyTests.quietRun.value
            let run = try await ApplyTests.held(ApplyTests.quick, keys: quiet)
            let stage = run.stage(.localTrain, "west")
            // It stands still, so that its successor has to wait for it.
            async let swap = run.command([
                "swap", "\(stage)", "\(run.root)/topology.yaml", "--state", run.topology.statePath,
            ])
            let giveUp = ContinuousClock.now + .seconds(60)
            var isStandingBy = false
            while !isStandingBy, ContinuousClock.now < giveUp {
                // The pattern is no match for the shell that it stands in.
                let found = try await run.shell("pgrep -f 'cloud west --state \(run.topology.statePath).*[-]-standby'")
                isStandingBy = !found.isEmpty
            }
            #expect(isStandingBy)
            try await run.killLauncher()
            try await run.letGoOrphan(stage)
            #expect(try await swap.status == 1)
            try await run.launchAgain(by: "\(run.root)/topology.yaml")
            try await expectSoundEnd(of: run, as: quiet)
        }

        @Test(
            "In the middle of a move of aggregate: the next start goes on by either file, and the adapter is the same",
            arguments: [false, true])
        func apply(takesItUp: Bool) async throws {
            let quiet = try await ApplyTests.quietRun.value
            let run = try await ApplyTests.held(ApplyTests.quick, keys: quiet)
            try await ApplyTests.waitForWestAlone(run, others: ["north", "east"])
            let away = try run.topology(withAggregateIn: "north", file: "away.yaml")
            async let applied = run.apply(away)
            // The new aggregate runs, publish has been told, and the clouds are being told.
            _ = try await run.logged("stage_started", by: run.stage(.encrypt, "east")) { $0.fields["epoch"] == "2" }
            try await run.killLauncher()
            try await run.letGoOrphan(run.stage(.localTrain, "west"))
            #expect(try await applied.status != 0)
            try await run.launchAgain(by: takesItUp ? away : "\(run.root)/topology.yaml")
            try await expectSoundEnd(of: run, as: quiet)
            #expect(try !run.log(of: run.topology.publish).contains { $0.name == "round_abandoned" })
        }
    }
}

extension FederationRun {
    /// A stage that stood still when its launcher died has yet to hear of that.
    fileprivate func letGoOrphan(_ stage: StageName) async throws {
        let text = String(decoding: try read("\(topology.stateFolder(of: stage))/lock"), as: UTF8.self)
        guard let pid = text.split(whereSeparator: \.isWhitespace).last.flatMap({ Int32($0) }) else {
            throw Failure(description: "the lock of \(stage) says \(text)")
        }
        kill(pid, SIGCONT)
    }
}
