import Foundation
import Glibc
import SmallDisk
import Testing

/// What `ps` and doctor tell of stages that are hindered, over real processes.
@Suite(
    "What ps and doctor say of hindered stages", .serialized,
    .enabled(if: FakeStages.canRun, "build everything first (`swift build --build-tests`), and have /usr/bin/perl"))
struct HindranceTests {
    private let fake: FakeStages
    private let stage = "north/encrypt"

    init() throws { fake = try FakeStages() }

    private func up(through program: [String] = []) throws -> FakeStages.Running {
        try fake.start(["up", fake.topology, "--state", fake.state, "--cloud", "north"], through: program)
    }

    private func stop(_ running: FakeStages.Running) {
        running.process.terminate()
        _ = running.output.readDataToEndOfFile()
        running.process.waitUntilExit()
    }

    private struct Seen {
        /// The stage's line of `ps`.
        let line: String
        let troubles: [FakeStages.Listing.Trouble]
        let state: String
        let pid: Int32?
    }

    private func look() throws -> Seen {
        let listed = try #require(try fake.listing().launcher?.stages.first { $0.stage == stage })
        let text = try fake.run("ps", fake.topology, "--state", fake.state).output
        let line = try #require(text.split(separator: "\n").first { $0.hasPrefix(stage) })
        return Seen(line: String(line), troubles: listed.troubles ?? [], state: listed.state, pid: listed.pid)
    }

    /// Looks until it sees what it waits for; what it saw last.
    private func look(until isSeen: (Seen) -> Bool) throws -> Seen {
        let deadline = ContinuousClock.now + .seconds(60)
        while true {
            let seen = try look()
            if isSeen(seen) || ContinuousClock.now > deadline { return seen }
            usleep(50_000)
        }
    }

    /// A frame of `top`, wide enough for all.
    private func top() throws -> String {
        try fake.run("top", fake.topology, "--state", fake.state, "--once", "--width", "300").output
    }

    private struct Report: Decodable {
        struct Finding: Decodable {
            let verdict: String
            let area: String
            let subject: String
            let finding: String
            let advice: String?
        }
        let data: [Finding]
    }

    /// What doctor says of the stage.
    private func examine() throws -> [Report.Finding] {
        let output = try fake.run(
            "doctor", fake.topology, "--state", fake.state, "--cloud", "north", "--format", "json"
        ).output
        return try JSONDecoder().decode(Report.self, from: Data(output.utf8)).data.filter { $0.subject == stage }
    }

    @Test("a clock that is off and a peer of another version: which, since when, and what to do, until it is over")
    func peers() throws {
        try fake.say(
            """
            X_TRIBUTARY_TROUBLE=clock release/publish its clock is 9.0 s ahead of this host's
            X_TRIBUTARY_TROUBLE=version coordinator/aggregate it speaks protocol version 2, and this build 1
            """, as: "north-encrypt")
        let running = try up()
        defer { stop(running) }
        _ = running.lines(until: "all stages ready")
        // Since when is told once it is a second.
        let seen = try look { $0.line.contains("(for 2 s)") || $0.line.contains("(for 3 s)") }
        #expect(seen.state == "ready" && seen.line.contains("idle"))
        #expect(seen.line.contains("clock: release/publish: its clock is 9.0 s ahead of this host's (for "), "\(seen)")
        #expect(seen.line.contains("): let both hosts set their clocks from the network (chrony, systemd-timesyncd); "))
        #expect(
            seen.line.contains("version: coordinator/aggregate: it speaks protocol version 2, and this build 1 (for "))
        #expect(seen.line.hasSuffix("): compare `tributary --version` on both hosts, and upgrade the older one"))
        #expect(seen.troubles.map(\.kind) == ["clock", "version"])
        #expect(seen.troubles.allSatisfy { abs($0.since - Date().timeIntervalSince1970) < 120 && !$0.remedy.isEmpty })
        let frame = try top()
        for line in [
            "clock: release/publish: its clock is 9.0 s ahead of this host's: let both hosts",
            "version: coordinator/aggregate: it speaks protocol version 2, and this build 1: compare",
        ] { #expect(frame.contains(line), "\(frame)") }
        let found = try examine()
        for (area, about) in [("clock", "release/publish"), ("version", "coordinator/aggregate")] {
            let finding = try #require(found.first { $0.area == area }, "\(found)")
            #expect(finding.verdict == "warning" && finding.finding.hasPrefix("\(about): it"), "\(finding)")
            #expect(finding.advice?.isEmpty == false)
        }
        // It is over, and the others never said a word of it.
        try fake.say("X_TRIBUTARY_TROUBLE=", as: "north-encrypt")
        kill(try #require(seen.pid), SIGUSR2)
        let after = try look { $0.troubles.isEmpty }
        #expect(after.troubles.isEmpty && !after.line.contains("clock") && after.state == "ready")
        #expect(try examine().allSatisfy { $0.area != "clock" && $0.area != "version" })
        let quiet = try top()
        #expect(quiet.contains("idle") && !quiet.contains(" ! "), "\(quiet)")
    }

    @Test(
        "a full disk: whose, since when, and what to do, until there is room",
        .enabled(if: SmallDisk.isPossible, Comment(rawValue: SmallDisk.comment)))
    func disk() throws {
        let disk = try SmallDisk(over: fake.state, megabytes: 32)
        defer { disk.detach() }
        try fake.mark("writes-north-encrypt")
        let running = try up()
        defer { stop(running) }
        _ = running.lines(until: "all stages ready")
        let before = try look()
        #expect(before.troubles.isEmpty && !before.line.contains("disk"))
        try disk.fill()
        _ = running.lines(until: "starts again")
        // The record of it lies on the very disk that is full.
        let seen = try look { $0.line.contains(" (for ") && $0.state == "backing-off" }
        let folder = "\(fake.state)/north/encrypt"
        #expect(seen.troubles.map(\.kind) == ["disk"] && seen.troubles.first?.about == folder, "\(seen)")
        #expect(seen.line.contains("disk: \(folder): its disk is full (for "))
        #expect(seen.line.contains("): make room there (`df -h \(folder)`): it starts again by itself"))
        let found = try examine()
        let finding = try #require(found.first { $0.area == "disk" }, "\(found)")
        #expect(finding.verdict == "failure" && finding.advice == seen.troubles.first?.remedy)
        try disk.makeRoom()
        _ = running.lines(until: "ready again")
        let after = try look { $0.state == "ready" }
        #expect(after.troubles.isEmpty && !after.line.contains("disk:"), "\(after)")
    }

    @Test("a stage that somebody kills: who did not, what is known, and that it is back")
    func killed() throws {
        let running = try up()
        defer { stop(running) }
        _ = running.lines(until: "all stages ready")
        let before = try look()
        #expect(before.troubles.isEmpty && !before.line.contains("killed"))
        kill(try #require(before.pid), SIGKILL)
        _ = running.lines(until: "ready again")
        let seen = try look()
        #expect(seen.state == "ready" && seen.troubles.map(\.kind) == ["killed"], "\(seen)")
        #expect(seen.line.contains("last end: killed (signal 9)"))
        #expect(seen.line.contains("not by the launcher") && seen.line.contains(" MiB at most"))
        // The kernel has killed nothing; where it does not say, nothing is claimed either.
        #expect(!seen.line.contains("most likely"), "\(seen)")
        let finding = try #require(try examine().first { $0.finding.contains("killed") })
        #expect(finding.verdict == "warning" && finding.finding.hasSuffix(" ago)"))
        #expect(finding.advice == seen.troubles.first?.remedy)
        // The next end is another.
        kill(try #require(seen.pid), SIGKILL)
        _ = running.lines(until: "ready again")
    }

    @Test("a stage that somebody stops: that it stands still, since when, and what to do, until it goes on")
    func still() throws {
        let running = try up()
        defer { stop(running) }
        _ = running.lines(until: "all stages ready")
        let before = try look()
        #expect(before.troubles.isEmpty && !before.line.contains("still"))
        let pid = try #require(before.pid)
        kill(pid, SIGSTOP)
        let seen = try look { !$0.troubles.isEmpty && $0.line.contains("is stopped by a signal") }
        #expect(seen.state == "ready" && seen.troubles.map(\.kind) == ["still"], "\(seen)")
        #expect(seen.line.split(separator: " ").prefix(2) == [Substring(stage), "still"], "\(seen)")
        #expect(seen.line.contains("still: its process \(pid) is stopped by a signal"), "\(seen)")
        #expect(seen.line.contains("let it go on: `kill -CONT \(pid)`"))
        let frame = try top()
        #expect(frame.contains("its process \(pid) is stopped by a signal"), "\(frame)")
        let finding = try #require(try examine().first { $0.area == "stage" && $0.verdict == "failure" })
        #expect(finding.finding.hasPrefix("its process \(pid) is stopped"), "\(finding)")
        #expect(finding.advice == seen.troubles.first?.remedy)
        kill(pid, SIGCONT)
        let after = try look { $0.troubles.isEmpty }
        #expect(after.troubles.isEmpty && after.pid == pid && !after.line.contains("still"), "\(after)")
        #expect(try examine().allSatisfy { $0.area != "stage" || $0.verdict == "ok" })
    }

    @Test("a launcher that somebody stops is told as that")
    func launcherStopped() throws {
        let running = try up()
        defer { stop(running) }
        _ = running.lines(until: "all stages ready")
        kill(running.process.processIdentifier, SIGSTOP)
        let output = try fake.run("doctor", fake.topology, "--state", fake.state, "--cloud", "north").output
        kill(running.process.processIdentifier, SIGCONT)
        let told = "process \(running.process.processIdentifier) is stopped by a signal"
        #expect(output.split(separator: "\n").contains { $0.contains("launcher") && $0.contains(told) }, "\(output)")
    }

    @Test(
        "a stage that takes more memory than there is for it: the kernel's kill is told as one",
        .enabled(if: MemoryLimit.isPossible, "a control group of one's own wants root and version 1 or 2 mounted"))
    func outOfMemory() throws {
        let limit = try MemoryLimit(megabytes: 256)
        try fake.mark("hoards-north-encrypt")
        let running = try up(through: limit.program)
        _ = running.lines(until: "ended with signal 9")
        _ = running.lines(until: "ready again")
        let seen = try look()
        #expect(seen.state == "ready" && seen.troubles.map(\.kind) == ["killed"], "\(seen)")
        #expect(
            seen.line.contains("last end: killed by the system (signal 9), most likely for want of memory"), "\(seen)")
        #expect(seen.line.contains("and its group may have 256 MiB"))
        #expect(seen.troubles.first?.remedy.contains("give it more (`memory:`") == true)
        let finding = try #require(try examine().first { $0.finding.contains("killed by the system") })
        #expect(finding.verdict == "warning" && finding.advice?.contains("give it more") == true)
        stop(running)
        limit.remove()
    }
}

/// A control group with a limit of memory.
final class MemoryLimit {
    private let folder: String
    private static let root: (folder: String, limit: String)? = {
        for (folder, limit) in [
            ("/sys/fs/cgroup/memory", "memory.limit_in_bytes"), ("/sys/fs/cgroup", "memory.max"),
        ] {
            let probe = "\(folder)/tributary-probe-\(getpid())"
            guard mkdir(probe, 0o755) == 0 else { continue }
            defer { rmdir(probe) }
            if access("\(probe)/\(limit)", W_OK) == 0 { return (folder, limit) }
        }
        return nil
    }()
    static let isPossible = root != nil

    init(megabytes: Int) throws {
        guard let root = Self.root else { throw CocoaError(.fileWriteNoPermission) }
        folder = "\(root.folder)/tributary-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
        guard mkdir(folder, 0o755) == 0 else { throw CocoaError(.fileWriteNoPermission) }
        try Data("\(megabytes << 20)".utf8).write(to: URL(filePath: "\(folder)/\(root.limit)"))
    }

    /// Starts what follows it in the group.
    var program: [String] { ["/bin/sh", "-c", "echo $$ > \(folder)/cgroup.procs && exec \"$@\"", "sh"] }

    /// Once its processes are gone.
    func remove() { rmdir(folder) }

    deinit { remove() }
}
