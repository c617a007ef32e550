import Federation
import Foundation
import Glibc
import Monitoring
import Testing

@Suite(
    "The monitor beside the stages, and `tributary events`", .serialized,
    .enabled(if: FakeStages.canRun, "build everything first (`swift build --build-tests`), and have /usr/bin/perl"))
struct MonitorTests {
    private let fake: FakeStages
    private var output: String { "\(fake.folder)/events.jsonl" }
    private var monitorLog: String { "\(fake.state)/logs/monitor.log" }

    init() throws { fake = try FakeStages() }

    private func write(_ sinks: String) throws {
        let text = Sample.text.replacing("clouds:\n", with: "sinks:\n\(sinks)\nclouds:\n")
        try Data(text.utf8).write(to: URL(filePath: fake.topology))
    }

    /// What a stage would keep: the fake ones keep nothing.
    private func log(_ stage: String) throws -> EventLog {
        let folder = "\(fake.state)/\(stage)/events"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let log = EventLog(stage: try StageName(stage), run: try RunName("first"), level: .debug) { _ in }
        log.begin(epoch: 1, spool: try SpoolWriter(folder: folder))
        return log
    }

    private func wait(_ what: String, until body: () throws -> Bool) throws {
        let end = ContinuousClock.now + .seconds(60)
        while ContinuousClock.now < end {
            if try body() { return }
            usleep(20_000)
        }
        Issue.record("in a minute not: \(what)")
        throw CancellationError()
    }

    private func events(_ path: String) throws -> [Event] {
        guard let data = FileManager.default.contents(atPath: path) else { return [] }
        return try data.split(separator: UInt8(ascii: "\n")).map { try EventLine.event($0) }
    }

    /// Without those that came twice: a monitor that is killed has kept its place up to a fifth of a second before.
    private func distinct(_ path: String) throws -> [Event] {
        var seen: Set<String> = []
        return try events(path).filter { seen.insert("\($0.stage) \($0.sequence)").inserted }
    }

    private func notes() -> [String] {
        let data = FileManager.default.contents(atPath: monitorLog) ?? Data()
        return String(decoding: data, as: UTF8.self).split(separator: "\n").map(String.init)
    }

    private func monitorPid() throws -> Int32? {
        for name in try FileManager.default.contentsOfDirectory(atPath: "/proc") {
            guard let pid = Int32(name), let line = FileManager.default.contents(atPath: "/proc/\(name)/cmdline")
            else { continue }
            let arguments = line.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
            if arguments.count > 2, arguments[1] == "monitor", arguments[2] == fake.topology { return pid }
        }
        return nil
    }

    @Test(
        "up runs the monitor where there are sinks, starts it again when it is killed, and ends it after a last flush")
    func underUp() throws {
        try write("  - {kind: file, path: \(output)}")
        let (north, west) = (try log("north/encrypt"), try log("west/ingest"))
        north.tell(.stageReady)
        let running = try fake.start(["up", fake.topology, "--state", fake.state])
        _ = running.lines(until: "all stages ready")
        west.tell(.stageReady)
        try wait("both have arrived") { try events(output).count == 2 }
        let pid = try #require(try monitorPid())
        let nice = try #require(FileManager.default.contents(atPath: "/proc/\(pid)/stat"))
        #expect(String(decoding: nice, as: UTF8.self).split(separator: " ")[18] == "19")
        #expect(kill(pid, SIGKILL) == 0)
        #expect(running.lines(until: "monitor").last?.contains("signal 9") == true)
        for _ in 0..<20 { north.tell(.stageReady) }
        try wait("the rest has arrived") { try distinct(output).count == 22 }
        #expect(try monitorPid() != pid)
        west.tell(.stageStopped)
        running.process.terminate()
        _ = running.output.readDataToEndOfFile()
        running.process.waitUntilExit()
        #expect(running.process.terminationStatus == 0)
        let all = try distinct(output)
        #expect(all.count == 23 && all.filter { $0.name == "stage_stopped" }.count == 1)
        #expect(all.filter { $0.stage.kind == .encrypt }.map(\.sequence) == (1...21).map { UInt64($0) })
        #expect(try monitorPid() == nil && notes().contains { $0.contains("stopped") })
        let metrics = FileManager.default.contents(atPath: "\(fake.state)/monitor/metrics.prom") ?? Data()
        #expect(
            String(decoding: metrics, as: UTF8.self).contains(
                "tributary_sink_events_total{run=\"first\",cloud=\"north\",sink=\"file\"}"))
    }

    @Test("Without sinks there is no monitor; `tributary monitor` then says that there is nothing to do")
    func withoutSinks() throws {
        let outcome = try fake.run("monitor", fake.topology, "--state", fake.state)
        #expect(outcome.status == 78 && outcome.complaint.contains("has no `sinks` for the clouds here"))
        let running = try fake.start(["up", fake.topology, "--state", fake.state])
        _ = running.lines(until: "all stages ready")
        #expect(try monitorPid() == nil)
        running.process.terminate()
        running.process.waitUntilExit()
    }

    @Test("apply brings other sinks into effect, and no stage is touched by it")
    func apply() throws {
        try write("  - {kind: file, path: \(output)}")
        // apply looks for the keys that a stage would need.
        #expect(try fake.run("keys", fake.topology, "--state", fake.state).status == 0)
        let north = try log("north/encrypt")
        let running = try fake.start(["up", fake.topology, "--state", fake.state])
        _ = running.lines(until: "all stages ready")
        north.tell(.stageReady)
        try wait("it has arrived") { try events(output).count == 1 }
        let stages = try fake.listing().launcher?.stages.map(\.pid)
        try write("  - {kind: file, name: other, path: \(output).other}")
        let outcome = try fake.run("apply", fake.topology, "--state", fake.state)
        try #require(outcome.status == 0, "\(outcome.complaint)")
        north.tell(.stageReady)
        try wait("the other file has all") { try events("\(output).other").count == 2 }
        #expect(try events(output).count <= 2 && fake.listing().launcher?.stages.map(\.pid) == stages)
        running.process.terminate()
        running.process.waitUntilExit()
    }

    @Test("A sink that can never work keeps up from starting, with the reason; a second monitor of a state is refused")
    func refusals() throws {
        let key = "\(fake.folder)/key"
        try write("  - {kind: forward, address: \"tcp://127.0.0.1:1\", shared-key: \(key)}")
        try Data("secret words\n".utf8).write(to: URL(filePath: key))
        chmod(key, 0o644)
        let outcome = try fake.run("up", fake.topology, "--state", fake.state)
        #expect(outcome.status == 78 && outcome.complaint.contains("others may read it"))
        #expect(!outcome.complaint.contains("secret words"))
        try write("  - {kind: file, path: \(output)}")
        try log("north/encrypt").tell(.stageReady)
        let first = try fake.start(["monitor", fake.topology, "--state", fake.state])
        try wait("it works") { try events(output).count == 1 }
        let second = try fake.run("monitor", fake.topology, "--state", fake.state)
        #expect(second.status == 1 && second.complaint.contains("another monitor runs"))
        first.process.terminate()
        first.process.waitUntilExit()
        #expect(first.process.terminationStatus == 0)
    }

    @Test("Standard output and standard error get every event, line by line, from their level on")
    func streams() throws {
        try write("  - {kind: stdout}\n  - {kind: stderr, level: error}")
        let north = try log("north/encrypt")
        for _ in 0..<3 { north.tell(.stageReady) }
        north.tell(.stageFailed, [.reason: .text("a test")])
        north.tell(.stageStopped)
        let monitor = try fake.start(["monitor", fake.topology, "--state", fake.state])
        let lines = monitor.lines(until: "stage_stopped")
        monitor.process.terminate()
        let rest = monitor.output.readDataToEndOfFile()
        let complaint = monitor.complaint.readDataToEndOfFile()
        monitor.process.waitUntilExit()
        #expect(monitor.process.terminationStatus == 0 && rest.isEmpty)
        let events = try lines.map { try EventLine.event(Array($0.utf8)) }
        #expect(events.map(\.sequence) == [1, 2, 3, 4, 5])
        #expect(events.map(\.name) == ["stage_ready", "stage_ready", "stage_ready", "stage_failed", "stage_stopped"])
        // The monitor's own notes go to standard error too: what begins as an event is one.
        let errors = try complaint.split(separator: UInt8(ascii: "\n")).filter { $0.first == UInt8(ascii: "{") }
            .map { try EventLine.event($0) }
        #expect(errors.map(\.name) == ["stage_failed"] && errors.first?.fields[.reason] == .text("a test"))
    }

    private func printed(_ more: String...) throws -> [Event] {
        let outcome = try fake.run(["events", "-t", fake.topology, "--state", fake.state] + more)
        #expect(outcome.status == 0, "\(outcome.complaint)")
        return try outcome.output.split(separator: "\n").map { try EventLine.event(Array($0.utf8)) }
    }

    @Test("events prints what stages have kept, by time, and filters by stage, level, name, round and time")
    func replay() throws {
        let (north, west) = (try log("north/encrypt"), try log("west/ingest"))
        for number in 0..<200 {
            (number % 3 == 0 ? west : north).tell(
                number % 2 == 0 ? .roundJoined : .hubConnected, round: RoundNumber(UInt32(1 + number / 100)))
        }
        let all = try printed()
        #expect(all.count == 200 && all.map(\.time) == all.map(\.time).sorted())
        #expect(Set(all.map(\.stage)).count == 2)
        #expect(try printed("encrypt@north").allSatisfy { $0.stage == north.stage })
        #expect(try printed("encrypt@north").count == all.filter { $0.stage == north.stage }.count)
        #expect(try printed("--level", "info").map(\.name) == Array(repeating: "round_joined", count: 100))
        #expect(try printed("--event", "hub_connected").count == 100)
        #expect(try printed("--event", "hub_connected", "--event", "round_joined").count == 200)
        #expect(try printed("--round", "2").count == 100)
        let middle = String(decoding: Timestamp.text(all[150].time), as: UTF8.self)
        #expect(try printed("--since", middle).count == all.filter { $0.time >= all[150].time }.count)
        #expect(try printed("--since", "1h").count == 200 && printed("--since", "now").isEmpty)
        let some = try fake.run(
            "events", "-t", fake.topology, "--state", fake.state, "--event", "round_joined", "--fields",
            "sequence,event")
        #expect(some.output.split(separator: "\n").first == "{\"sequence\":1,\"event\":\"round_joined\"}")
        for (option, value, reason) in [
            ("--event", "round_joind", "did you mean \"round_joined\""), ("--level", "loud", "expected debug"),
            ("--since", "yesterday", "expected how long ago"), ("--fields", "sequenc", "did you mean \"sequence\""),
        ] {
            let outcome = try fake.run("events", "-t", fake.topology, "--state", fake.state, option, value)
            #expect(outcome.status == 4 && outcome.complaint.contains(reason), "\(outcome.complaint)")
        }
    }

    @Test("events --follow goes on with what comes, line by line, and ends with 0 when its reader has read enough")
    func follow() throws {
        let north = try log("north/encrypt")
        north.tell(.roundJoined)
        let running = try fake.start(["events", "-t", fake.topology, "--state", fake.state, "--follow"])
        #expect(running.lines(until: "\"sequence\":1,").count == 1)
        north.tell(.roundJoined)
        #expect(running.lines(until: "\"sequence\":2,").count == 1)
        // A stage that begins later.
        let west = try log("west/ingest")
        west.tell(.stageReady)
        #expect(running.lines(until: "stage_ready").count == 1)
        try running.output.close()
        running.process.waitUntilExit()
        #expect(running.process.terminationStatus == 0 && running.process.terminationReason == .exit)
    }
}
