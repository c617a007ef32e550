import Foundation
import Glibc
import Testing

@Suite(
    "What was applied and swapped is in effect over starts", .serialized,
    .enabled(if: FakeStages.canRun, "build everything first (`swift build --build-tests`), and have /usr/bin/perl"))
struct EffectTests {
    private let fake: FakeStages
    /// Another program that does what encrypt does.
    private let other: String

    init() throws {
        fake = try FakeStages()
        other = "\(fake.folder)/other/tributary-encrypt"
        try FileManager.default.createDirectory(
            atPath: "\(fake.folder)/other", withIntermediateDirectories: true)
        try FileManager.default.copyItem(atPath: "\(fake.folder)/tributary-encrypt", toPath: other)
        try fake.makeKeys()
    }

    /// A launcher that was started, and what it said until all were ready.
    private struct Started {
        let running: FakeStages.Running
        let lines: [String]
    }

    private func up(_ more: String..., by topology: String? = nil) throws -> Started {
        let running = try fake.start(["up", topology ?? fake.topology, "--state", fake.state] + more)
        let lines = running.lines(until: "all stages ready")
        #expect(lines.last?.contains("all stages ready") == true, "\(lines)")
        return Started(running: running, lines: lines)
    }

    private func kill(_ started: Started) {
        Glibc.kill(started.running.process.processIdentifier, SIGKILL)
        started.running.process.waitUntilExit()
    }

    private func stop(_ started: Started) {
        started.running.process.terminate()
        _ = started.running.output.readDataToEndOfFile()
        started.running.process.waitUntilExit()
        #expect(started.running.process.terminationStatus == 0)
    }

    /// Whether north's encrypt runs by the other program.
    private func runsOther() throws -> Bool {
        let pid = try #require(try fake.listing().launcher?.stages.first { $0.stage == "north/encrypt" }?.pid)
        let line = try #require(FileManager.default.contents(atPath: "/proc/\(pid)/cmdline"))
        return String(decoding: line, as: UTF8.self).contains(other)
    }

    private func apply(_ file: String) throws -> FakeStages.Outcome {
        try fake.run("apply", file, "--state", fake.state)
    }

    @Test(
        "a start by the file before an apply is refused, names both, and goes back only when that is meant",
        arguments: [false, true])
    func applied(inOrder: Bool) throws {
        let first = try up()
        let moved = try fake.topology(withEncrypt: other, in: "north")
        let outcome = try apply(moved)
        #expect(outcome.status == 0, "\(outcome.complaint)")
        #expect(try runsOther())
        if inOrder { stop(first) } else { kill(first) }
        for more in [[], ["--detach"]] {
            let refused = try fake.run(["up", fake.topology, "--state", fake.state] + more)
            #expect(refused.status == 78)
            #expect(
                refused.complaint.contains("\(moved) (")
                    && refused.complaint.contains("is in effect since it was applied"))
            #expect(refused.complaint.contains("`tributary up --changed \(fake.topology)`"), "\(refused.complaint)")
            #expect(try !fake.listing().running)
        }
        let second = try up(by: moved)
        #expect(try runsOther())
        kill(second)
        let back = try up("--changed")
        #expect(try !runsOther())
        #expect(back.lines.contains { $0.contains("alone is in effect from here on") }, "\(back.lines)")
        kill(back)
        // From here on it is this one that is in effect.
        let again = try up()
        #expect(try !runsOther())
        stop(again)
    }

    @Test("a file that was edited after everything was stopped in order is started by, whether it was applied or not")
    func edited() throws {
        let first = try up()
        #expect(try apply(fake.topology).status == 0)
        stop(first)
        let text = try String(contentsOfFile: fake.topology, encoding: .utf8)
        try Data((text + "# edited\n").utf8).write(to: URL(filePath: fake.topology))
        let second = try up()
        #expect(second.lines.first?.contains("takes the place of") == true, "\(second.lines)")
        stop(second)
    }

    @Test(
        "a program that a swap has put in is run by the next start too, which says so, until a topology is applied or meant"
    )
    func swapped() throws {
        let first = try up()
        let swap = try fake.run("swap", "encrypt@north", fake.topology, "--state", fake.state, "--binary", other)
        #expect(swap.status == 0, "\(swap.complaint)")
        kill(first)
        let second = try up()
        #expect(try runsOther())
        let told = second.lines.first { $0.contains("north/encrypt") }
        #expect(told?.contains("runs with \(other) since a swap") == true, "\(second.lines)")
        stop(second)
        // One that is gone is not passed over.
        try FileManager.default.moveItem(atPath: other, toPath: other + ".away")
        let missing = try fake.run("up", fake.topology, "--state", fake.state)
        #expect(missing.status == 78 && missing.complaint.contains("north/encrypt runs with \(other) since a swap"))
        try FileManager.default.moveItem(atPath: other + ".away", toPath: other)
        let third = try up()
        #expect(try apply(fake.topology).status == 0)
        #expect(try !runsOther())
        kill(third)
        let fourth = try up()
        #expect(try !runsOther())
        #expect(!fourth.lines.contains { $0.contains("since a swap") })
        stop(fourth)
    }

    /// Waits until the stage's successor stands by, which it does for as long as the other is busy.
    private func waitForSuccessor(of stage: String) throws {
        let end = ContinuousClock.now + .seconds(60)
        while ContinuousClock.now < end {
            let count = try FileManager.default.contentsOfDirectory(atPath: "/proc").count { name in
                guard Int32(name) != nil, let line = FileManager.default.contents(atPath: "/proc/\(name)/cmdline")
                else { return false }
                let words = line.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
                return words.contains("--standby") && words.contains(fake.state) && words.contains(stage)
            }
            if count > 0 { return }
            usleep(20_000)
        }
        Issue.record("no successor of \(stage)")
        throw CancellationError()
    }

    @Test("the launcher is killed in the middle of a swap: the next start goes on with what ran before")
    func killedInSwap() throws {
        let first = try up()
        try fake.mark("busy-north-encrypt")
        let swap = try fake.start(["swap", "encrypt@north", fake.topology, "--state", fake.state, "--binary", other])
        try waitForSuccessor(of: "north")
        kill(first)
        swap.process.waitUntilExit()
        #expect(swap.process.terminationStatus == 1)
        // At once: stages may be about to end, and hold their state for a moment more.
        let second = try up()
        #expect(try !runsOther())
        #expect(try fake.listing().launcher?.stages.allSatisfy { $0.state == "ready" } == true)
        stop(second)
    }

    @Test(
        "the launcher is killed in the middle of an apply: either file can be started by, and what was cut off is told")
    func killedInApply() throws {
        let first = try up()
        let moved = try fake.topology(withEncrypt: other, in: "north")
        try fake.mark("busy-north-encrypt")
        let apply = try fake.start(["apply", moved, "--state", fake.state])
        try waitForSuccessor(of: "north")
        kill(first)
        apply.process.waitUntilExit()
        #expect(apply.process.terminationStatus == 1)
        let second = try up()
        #expect(try !runsOther())
        #expect(second.lines.first?.contains("`tributary apply \(moved)` takes it up again") == true, "\(second.lines)")
        kill(second)
        let third = try up(by: moved)
        #expect(try runsOther())
        kill(third)
        let back = try fake.run("up", fake.topology, "--state", fake.state)
        #expect(back.status == 78, "it has been applied since: \(back.output)")
    }

    @Test("a run that is over leaves nothing in effect")
    func runOver() throws {
        let path = "\(fake.state)/in-effect.json"
        let first = try up("--cloud", "north")
        #expect(access(path, F_OK) == 0)
        stop(first)
        #expect(access(path, F_OK) == 0)
        for stage in ["ingest", "local-train", "encrypt"] { try fake.plan("over", for: "north-\(stage)") }
        #expect(try fake.run("up", fake.topology, "--state", fake.state, "--cloud", "north").status == 0)
        #expect(access(path, F_OK) != 0)
    }

    @Test("a spoiled record is named, with what to do, and passed over when the start is meant")
    func spoiled() throws {
        try Data("{".utf8).write(to: URL(filePath: "\(fake.state)/in-effect.json"))
        let refused = try fake.run("up", fake.topology, "--state", fake.state)
        #expect(refused.status == 78 && refused.complaint.contains("in-effect.json"), "\(refused.complaint)")
        #expect(refused.complaint.contains("tributary up --changed"))
        stop(try up("--changed"))
    }
}
