import Foundation
import Glibc
import SmallDisk
import Testing

@Suite(
    "The launcher over real processes", .serialized,
    .enabled(if: FakeStages.canRun, "build everything first (`swift build --build-tests`), and have /usr/bin/perl"))
struct LauncherTests {
    private let fake: FakeStages

    init() throws { fake = try FakeStages() }

    private func up(_ more: String...) throws -> FakeStages.Running {
        try fake.start(["up", fake.topology, "--state", fake.state] + more)
    }

    private func stop(_ running: FakeStages.Running) -> Int32 {
        running.process.terminate()
        _ = running.output.readDataToEndOfFile()
        running.process.waitUntilExit()
        return running.process.terminationStatus
    }

    private func logged(_ stage: String) throws -> [String] {
        let text = try String(contentsOfFile: "\(fake.state)/logs/\(stage).jsonl", encoding: .utf8)
        return text.split(separator: "\n").map { String($0.split(separator: "\"event\":\"")[1].dropLast(2)) }
    }

    @Test("up shows each stage as ready, consumers first, and SIGTERM stops all of them with status 0")
    func upAndDown() throws {
        let running = try up()
        let lines = running.lines(until: "all stages ready")
        #expect(lines.count == 12)
        #expect(lines[0].contains("release/publish") && lines[1].contains("coordinator/aggregate"))
        #expect(lines[10].contains("west/ingest"))
        let listing = try fake.listing()
        #expect(listing.running && listing.launcher?.ready == true)
        #expect(listing.launcher?.stages.allSatisfy { $0.state == "ready" } == true)
        #expect(stop(running) == 0)
        #expect(try logged("north-encrypt") == ["started", "stopped"])
        #expect(try fake.listing().running == false)
    }

    @Test("up --cloud starts that cloud's stages alone")
    func oneCloud() throws {
        let running = try up("--cloud", "north")
        #expect(running.lines(until: "all stages ready").count == 4)
        #expect(stop(running) == 0)
    }

    @Test("a stage that is killed is started again and becomes ready again; the others live on")
    func restart() throws {
        let running = try up()
        _ = running.lines(until: "all stages ready")
        let before = try #require(try fake.listing().launcher)
        let victim = try #require(before.stages.first { $0.stage == "north/encrypt" })
        #expect(kill(try #require(victim.pid), SIGKILL) == 0)
        let lines = running.lines(until: "ready again")
        #expect(lines.contains { $0.contains("north/encrypt") && $0.contains("ended with signal 9") })
        let after = try #require(try fake.listing().launcher)
        for (old, new) in zip(before.stages, after.stages) {
            #expect((old.pid == new.pid) == (old.stage != "north/encrypt"))
            #expect(new.restarts == (new.stage == "north/encrypt" ? 1 : 0))
        }
        #expect(stop(running) == 0)
    }

    @Test(
        "a stage whose disk is full waits for room, which is said once, and is started as soon as there is some",
        .enabled(if: SmallDisk.isPossible, Comment(rawValue: SmallDisk.comment)))
    func fullDisk() throws {
        let disk = try SmallDisk(over: fake.state, megabytes: 32)
        defer { disk.detach() }
        try fake.mark("writes-north-encrypt")
        let running = try up("--cloud", "north")
        _ = running.lines(until: "all stages ready")
        try disk.fill()
        let wait = running.lines(until: "starts again")
        #expect(
            wait.last?.contains("ended with exit status 74, as its disk is full; starts again once there is") == true)
        try disk.makeRoom()
        let after = running.lines(until: "ready again")
        #expect(after.last?.contains("north/encrypt") == true)
        #expect(!after.contains { $0.contains("starts again") })
        #expect(stop(running) == 0)
    }

    private func swap(_ stage: String, _ more: String...) throws -> FakeStages.Outcome {
        try fake.run(["swap", stage, fake.topology, "--state", fake.state] + more)
    }

    @Test("swap replaces a stage's process, keeps its new config for the next start, and leaves the others alone")
    func swap() throws {
        let running = try up()
        _ = running.lines(until: "all stages ready")
        let before = try #require(try fake.listing().launcher)
        let outcome = try swap("encrypt@north", "--config", fake.topology)
        #expect(outcome.status == 0, "\(outcome.complaint)")
        #expect(outcome.output.contains("north/encrypt goes on as process"))
        let after = try #require(try fake.listing().launcher)
        for (old, new) in zip(before.stages, after.stages) {
            #expect((old.pid == new.pid) == (old.stage != "north/encrypt"))
        }
        let pid = try #require(after.stages.first { $0.stage == "north/encrypt" }?.pid)
        kill(pid, SIGKILL)
        _ = running.lines(until: "ready again")
        #expect(stop(running) == 0)
        let config = "started with \(fake.topology)"
        #expect(try logged("north-encrypt") == ["started", "handed over", config, config, "stopped"])
    }

    @Test("swap leaves the old process where the new one will not, and says why")
    func unwilling() throws {
        let running = try up()
        _ = running.lines(until: "all stages ready")
        let before = try #require(try fake.listing().launcher)
        try fake.mark("unwilling-north-encrypt")
        let outcome = try swap("north/encrypt")
        #expect(outcome.status == 1)
        #expect(outcome.complaint.contains("the old process goes on: the new process ended with exit status"))
        #expect(outcome.complaint.contains("I do not want to"))
        let after = try #require(try fake.listing().launcher)
        #expect(before.stages.map(\.pid) == after.stages.map(\.pid))
        #expect(stop(running) == 0)
    }

    @Test("swap starts the old program again where the new one fails after it has taken over")
    func rollBack() throws {
        let running = try up()
        _ = running.lines(until: "all stages ready")
        try fake.plan(5, for: "north-encrypt")
        let outcome = try swap("encrypt@north")
        #expect(outcome.status == 1)
        #expect(outcome.complaint.contains("the program before runs again: it ended with exit status 5"))
        _ = running.lines(until: "ready again")
        #expect(try fake.listing().launcher?.stages.allSatisfy { $0.state == "ready" } == true)
        #expect(stop(running) == 0)
    }

    @Test("swap gives a new process that is not ready in time up, and starts the old program again")
    func takeover() throws {
        let running = try up()
        _ = running.lines(until: "all stages ready")
        try fake.mark("mute-north-encrypt")
        let outcome = try swap("encrypt@north", "--takeover", "300ms")
        #expect(outcome.status == 1)
        #expect(
            outcome.complaint.contains("the program before runs again: it was not ready within 0.3 s"), "\(outcome)")
        _ = running.lines(until: "ready again")
        #expect(stop(running) == 0)
    }

    @Test("swap stops a stage that does not come to an end by itself")
    func busy() throws {
        let running = try up()
        _ = running.lines(until: "all stages ready")
        try fake.mark("busy-north-encrypt")
        let outcome = try swap("encrypt@north", "--drain", "50ms")
        #expect(outcome.status == 0, "\(outcome.complaint)")
        #expect(outcome.output.contains("was stopped: its work is done again"))
        #expect(stop(running) == 0)
        #expect(try logged("north-encrypt") == ["started", "stopped", "started", "stopped"])
    }

    @Test("swap wants a stage that it knows, a file that is there, and a launcher that runs")
    func wrongSwaps() throws {
        let nobody = try swap("encrypt@north")
        #expect(nobody.status == 1 && nobody.complaint.contains("nothing runs on"))
        let running = try up()
        _ = running.lines(until: "all stages ready")
        let unknown = try swap("encrypt@nowhere")
        #expect(unknown.status == 4 && unknown.complaint.contains("there is no stage encrypt@nowhere"))
        let several = try swap("encrypt")
        #expect(several.status == 4 && several.complaint.contains("which encrypt?"))
        let missing = try swap("encrypt@north", "--binary", "/nowhere/at/all")
        #expect(missing.status == 4 && missing.complaint.contains("No such file"))
        #expect(stop(running) == 0)
    }

    @Test("a stage that fails before it is ready is started again too")
    func failsOnce() throws {
        try fake.plan(5, for: "north-ingest")
        let running = try up()
        let lines = running.lines(until: "all stages ready")
        #expect(lines.contains { $0.contains("north/ingest") && $0.contains("ended with exit status 5") })
        #expect(stop(running) == 0)
        #expect(try logged("north-ingest") == ["started", "started", "stopped"])
    }

    @Test("a stage that refuses its configuration stops the others, and its last line and status are told")
    func badConfiguration() throws {
        try fake.plan(78, for: "coordinator-aggregate")
        let outcome = try fake.run("up", fake.topology, "--state", fake.state)
        #expect(outcome.status == 78)
        #expect(outcome.output.contains("coordinator/aggregate") && outcome.output.contains("bad configuration"))
        #expect(outcome.output.contains("aggregate   started") || outcome.output.contains("aggregate  started"))
        #expect(try fake.listing().launcher?.stages.allSatisfy { $0.pid == nil } == true)
    }

    @Test("a stage that will not start again once all were ready is parked: the others go on, and a swap starts it")
    func parked() throws {
        let running = try up()
        _ = running.lines(until: "all stages ready")
        let before = try #require(try fake.listing().launcher)
        let pid = try #require(before.stages.first { $0.stage == "north/encrypt" }?.pid)
        try fake.plan(78, for: "north-encrypt")
        kill(pid, SIGKILL)
        let told = running.lines(until: "it stays down")
        #expect(told.last?.contains("north/encrypt") == true && told.last?.contains("bad configuration") == true)
        #expect(told.last?.contains("`tributary swap encrypt@north` starts it") == true)
        let between = try #require(try fake.listing().launcher)
        let parked = try #require(between.stages.first { $0.stage == "north/encrypt" })
        #expect(parked.state == "ended" && parked.troubles?.contains { $0.kind == "failed" } == true, "\(parked)")
        for (old, new) in zip(before.stages, between.stages) where old.stage != "north/encrypt" {
            #expect(old.pid == new.pid && new.state == "ready")
        }
        let line = try fake.run("ps", fake.topology, "--state", fake.state).output.split(separator: "\n")
            .first { $0.hasPrefix("north/encrypt") }
        #expect(line?.contains("failed: it ended with exit status 78 (bad configuration)") == true, "\(line ?? "")")
        let doctor = try fake.run("doctor", fake.topology, "--state", fake.state)
        #expect(doctor.status == 1)
        #expect(doctor.output.contains("✗ stage    north/encrypt: it ended with exit status 78"), "\(doctor.output)")
        // One that does not want to leaves it as it is.
        try fake.mark("unwilling-north-encrypt")
        let refused = try swap("encrypt@north")
        #expect(refused.status == 1 && refused.complaint.contains("north/encrypt was down, and is still"), "\(refused)")
        try FileManager.default.removeItem(atPath: "\(fake.state)/unwilling-north-encrypt")
        let revived = try swap("encrypt@north")
        #expect(revived.status == 0, "\(revived.complaint)")
        #expect(revived.output.contains("north/encrypt runs again as process"), "\(revived.output)")
        #expect(revived.output.contains("there was nothing to hand over"))
        let after = try #require(try fake.listing().launcher)
        #expect(
            after.stages.allSatisfy { $0.state == "ready" && $0.troubles?.contains { $0.kind == "failed" } != true })
        #expect(stop(running) == 0)
    }

    @Test("apply starts a parked stage by the program that the new file names")
    func parkedAndApplied() throws {
        try fake.makeKeys()
        let running = try up()
        _ = running.lines(until: "all stages ready")
        let pid = try #require(try fake.listing().launcher?.stages.first { $0.stage == "north/encrypt" }?.pid)
        try fake.plan(78, for: "north-encrypt")
        kill(pid, SIGKILL)
        _ = running.lines(until: "it stays down")
        let mended = try fake.topology(withEncrypt: "\(fake.folder)/tributary-encrypt", in: "north")
        let applied = try fake.run("apply", mended, "--state", fake.state)
        #expect(applied.status == 0, "\(applied.output)\(applied.complaint)")
        #expect(applied.output.contains("it was down, and there was nothing to hand over"), "\(applied.output)")
        #expect(try fake.listing().launcher?.stages.allSatisfy { $0.state == "ready" } == true)
        #expect(stop(running) == 0)
    }

    @Test("a stage that ends cleanly is not started again; when all have, up ends with 0")
    func cleanEnd() throws {
        for stage in ["north-ingest", "north-local-train", "north-encrypt"] { try fake.plan(0, for: stage) }
        let outcome = try fake.run("up", fake.topology, "--state", fake.state, "--cloud", "north")
        #expect(outcome.status == 0)
        #expect(outcome.output.split(separator: "\n").filter { $0.hasSuffix("done") }.count == 3)
    }

    @Test("up on a run that is over says so and ends with 0; a stage that only ended says nothing of the run")
    func runOver() throws {
        for stage in ["ingest", "local-train", "encrypt"] { try fake.plan("over", for: "north-\(stage)") }
        let over = try fake.run("up", fake.topology, "--state", fake.state, "--cloud", "north")
        #expect(over.status == 0)
        #expect(over.output.split(separator: "\n").filter { $0.hasSuffix("done, the run is over") }.count == 3)
        #expect(over.output.contains("the run is over; another one wants"))
        for stage in ["ingest", "local-train", "encrypt"] { try fake.plan(0, for: "north-\(stage)") }
        let ended = try fake.run("up", fake.topology, "--state", fake.state, "--cloud", "north")
        #expect(ended.status == 0)
        #expect(!ended.output.contains("the run is over"))
    }

    @Test("a second up on the same state is refused, and the first goes on")
    func locked() throws {
        let running = try up()
        _ = running.lines(until: "all stages ready")
        let second = try fake.run("up", fake.topology, "--state", fake.state)
        #expect(second.status == 78)
        #expect(second.complaint.contains("another launcher (process \(running.process.processIdentifier)) runs"))
        #expect(try fake.listing().launcher?.ready == true)
        #expect(stop(running) == 0)
    }

    @Test("stages do not outlive a launcher that is killed")
    func launcherKilled() throws {
        let running = try up("--cloud", "north")
        _ = running.lines(until: "all stages ready")
        kill(running.process.processIdentifier, SIGKILL)
        running.process.waitUntilExit()
        for stage in ["north-ingest", "north-local-train", "north-encrypt"] {
            // Each stage holds a lock on this file for as long as it lives; flock(1) gives up after half a minute.
            let waiting = Process()
            waiting.executableURL = URL(filePath: "/usr/bin/flock")
            waiting.arguments = ["--wait", "30", "\(fake.state)/alive-\(stage)", "true"]
            try waiting.run()
            waiting.waitUntilExit()
            #expect(waiting.terminationStatus == 0, "\(stage) lives on")
            #expect(try logged(stage).first == "started")
        }
        #expect(try fake.listing().running == false)
    }

    @Test("up --detach returns when all are ready; down stops them; logs shows what they said")
    func detached() throws {
        let outcome = try fake.run("up", fake.topology, "--state", fake.state, "--detach")
        #expect(outcome.status == 0)
        #expect(outcome.output.contains("all stages ready"))
        #expect(try fake.listing().running)
        let down = try fake.run("down", fake.topology, "--state", fake.state)
        #expect(down.status == 0 && down.output == "stopped\n")
        let logs = try fake.run("logs", "encrypt@north", "--topology", fake.topology, "--state", fake.state)
        #expect(logs.output.contains("info    north/encrypt          started"))
        let raw = try fake.run(
            "logs", "encrypt@north", "--topology", fake.topology, "--state", fake.state, "--format", "json")
        #expect(raw.output.split(separator: "\n").allSatisfy { $0.hasPrefix("{\"time\"") })
        #expect(try fake.run("down", fake.topology, "--state", fake.state).output.hasPrefix("nothing runs"))
    }

    @Test("up --detach ends with the status of a start that failed")
    func detachedFailure() throws {
        try fake.plan(78, for: "release-publish")
        let outcome = try fake.run("up", fake.topology, "--state", fake.state, "--detach")
        #expect(outcome.status == 78)
        #expect(try fake.listing().running == false)
    }

    @Test("programs that are not there are named before anything is started")
    func missingPrograms() throws {
        let outcome = try fake.run("up", fake.topology, "--state", fake.state, "--stages", "/nowhere")
        #expect(outcome.status == 78)
        #expect(outcome.complaint.contains("/nowhere/tributary-publish"))
    }

    @Test("validate ends with 78 for a bad topology, 4 for bad arguments, 0 for a sound one, with one JSON envelope")
    func validate() throws {
        #expect(try fake.run("validate", fake.topology).status == 0)
        #expect(try fake.run("validate", fake.topology, "--bogus").status == 4)
        #expect(try fake.run("validate").status == 4)
        try Data(Sample.spoiled("paillier", "pailier").utf8).write(to: URL(filePath: fake.topology))
        let outcome = try fake.run("validate", fake.topology)
        #expect(outcome.status == 78)
        #expect(outcome.complaint.contains("\(fake.topology):4:8: `suite`: expected one of paillier, secagg, clear"))
        let json = try fake.run("validate", fake.topology, "--format", "json")
        #expect(json.status == 78)
        #expect(json.output.contains("\"exit_code\" : 78") && json.output.contains("\"line\" : 4"))
    }

    @Test("keys makes each key once and then has nothing to make; --list shows fingerprints")
    func keys() throws {
        let first = try fake.run("keys", fake.topology, "--state", fake.state, "--cloud", "north")
        #expect(first.status == 0)
        #expect(first.output.contains("made north/encrypt: CURVE and signing keys"))
        #expect(first.output.contains("still to come from their clouds"))
        let second = try fake.run("keys", fake.topology, "--state", fake.state, "--cloud", "north")
        #expect(second.output.hasPrefix("nothing to make"))
        let list = try fake.run("keys", fake.topology, "--state", fake.state, "--list")
        #expect(list.output.split(separator: "\n").count == 11)
        #expect(list.output.split(separator: "\n").filter { $0.hasSuffix("no card") }.count == 8)
    }
}
