import Foundation
import Glibc
import Testing

@Suite(
    "Several local-train processes of one cloud under the launcher", .serialized,
    .enabled(if: FakeStages.canRun, "build everything first (`swift build --build-tests`), and have /usr/bin/perl"))
struct WorkerProcessTests {
    private let fake: FakeStages

    init() throws { fake = try FakeStages() }

    private func write(_ text: String) throws { try Data(text.utf8).write(to: URL(filePath: fake.topology)) }

    private func command(_ words: String...) throws -> FakeStages.Outcome {
        try fake.run(words + [fake.topology, "--state", fake.state])
    }

    private func pids() throws -> [String: Int32?] {
        Dictionary(
            uniqueKeysWithValues: try #require(try fake.listing().launcher).stages.map { ($0.stage, $0.pid) })
    }

    private func stop(_ running: FakeStages.Running) -> Int32 {
        running.process.terminate()
        _ = running.output.readDataToEndOfFile()
        running.process.waitUntilExit()
        return running.process.terminationStatus
    }

    @Test("up starts every worker; one that is killed is started again; swap, ps and logs know it by its name")
    func workers() throws {
        try write(Sample.workers([(2, "speed: 4"), (3, "")], cloud: "    partition: {mode: proportional}\n"))
        let running = try fake.start(["up", fake.topology, "--state", fake.state])
        let shown = running.lines(until: "all stages ready")
        #expect(shown.count == 14)
        let before = try pids()
        let second = try #require(before["north/local-train-2"] ?? nil)
        #expect(before.count == 13 && Set(before.values.compactMap { $0 }).count == 13)
        #expect(kill(second, SIGKILL) == 0)
        let lines = running.lines(until: "ready again")
        #expect(lines.contains { $0.contains("north/local-train-2") && $0.contains("ended with signal 9") })
        let after = try pids()
        #expect(Set(before.keys.filter { before[$0] != after[$0] }) == ["north/local-train-2"])
        let swapped = try command("swap", "local-train-3@north")
        #expect(swapped.status == 0 && swapped.output.contains("north/local-train-3 goes on"), "\(swapped.complaint)")
        let unclear = try command("swap", "local-train")
        #expect(unclear.status == 4 && unclear.complaint.contains("which local-train?"))
        #expect(
            try command("ps", "--pid", "north/local-train-3").output
                == "\(try #require(try pids()["north/local-train-3"] ?? nil))\n")
        #expect(stop(running) == 0)
        let log = try fake.run("logs", "local-train-2@north", "-t", fake.topology, "--state", fake.state)
        #expect(log.output.split(separator: "\n").count == 3, "\(log.output)")
    }
}
