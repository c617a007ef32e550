import Federation
import Foundation
import FoundationNetworking
import Glibc
import Testing
import Topology

/// What the page's `state` says, as far as these tests look.
private struct PageState: Decodable {
    struct Round: Decodable {
        let number: Int
        let purpose: String
        let outcome: String
        let awaited: [String]
    }
    struct Stage: Decodable {
        let name: String
        let state: String
    }
    let headline: String
    let rounds: [Round]
    let stages: [Stage]
}

/// What `trace --format json` prints, as far as these tests look.
private struct TraceAnswer: Decodable {
    struct Span: Decodable {
        let id: String
        let parent: String?
        let stage: String
        let name: String
        let seconds: Double
    }
    let outcome: String
    let trace: String
    let spans: [Span]
}

extension PipelineSuite {
    @Suite("Watching")
    struct WatchTests {
        private func state(at url: String) async throws -> PageState {
            let (data, _) = try await URLSession.shared.data(from: try #require(URL(string: "\(url)state")))
            return try JSONDecoder().decode(PageState.self, from: data)
        }

        @Test("top and the page say for whom a round waits; its trace is told when it has ended")
        func waits() async throws {
            let run = try FederationRun(.init(suite: .clear, updates: 1))
            let held = run.stage(.localTrain, "east")
            let files = ["\(run.root)/topology.yaml", "--state", run.topology.statePath]
            let launcher = try run.launcher
            try run.start(launcher, program: "tributary", ["up"] + files + ["--web", "0"])
            let line = try await run.event("text", of: launcher) { $0.line.contains("page: http://127.0.0.1:") }.line
            let url = try #require(line.split(separator: " ").first { $0.hasPrefix("http://") }).trimmingCharacters(
                in: CharacterSet(charactersIn: "\"}"))
            _ = try await run.event("text", of: launcher) { $0.line.contains("all stages ready") }
            try await run.signalLaunched(SIGSTOP, to: held)
            try await run.logged("contribution_counted", of: run.topology.aggregate, round: 2)

            let deadline = ContinuousClock.now + .seconds(60)
            var page = try await state(at: url)
            while page.rounds.last?.awaited != ["east"], ContinuousClock.now < deadline {
                page = try await state(at: url)
            }
            #expect(page.headline == "Round 2, update: waits for east.")
            #expect(page.rounds.first?.outcome == "released")
            #expect(page.stages.count == run.topology.stages.count)
            #expect(
                page.stages.allSatisfy { ["ready", "working", "waiting", "idle"].contains($0.state) }, "\(page.stages)")

            let (status, top, complaint) = try await run.command(["top", "--once"] + files)
            #expect(status == 0 && complaint.isEmpty, "\(complaint)")
            #expect(top.contains("round 2 update") && top.contains("waits for east"), "\(top)")
            #expect(!top.contains("\u{1B}"))
            #expect(top.split(separator: "\n").allSatisfy { $0.count <= 80 })

            // The page without the launcher, as a display on a wall would have it.
            let watcher = try StageName("watcher/ingest")
            try run.start(watcher, program: "tributary", ["web"] + files + ["--port", "0", "--no-token"])
            let own = try await run.event("text", of: watcher) { $0.line.contains("http://127.0.0.1:") }.line
            let second = try #require(own.split(separator: " ").first { $0.hasPrefix("http://") })
            var other = try await state(at: String(second))
            while other.rounds.count < 2, ContinuousClock.now < deadline { other = try await state(at: String(second)) }
            #expect(other.headline == page.headline)
            run.signal(SIGTERM, to: watcher)
            let ended = try await run.event("exited", of: watcher)
            #expect(ended.fields["status"] == "0")
            let (refused, _, reason) = try await run.command(["web"] + files + ["--listen", "0.0.0.0"])
            #expect(refused == 4 && reason.contains("--name"), "\(reason)")

            try await run.signalLaunched(SIGCONT, to: held)
            try await run.logged("round_released", of: run.topology.publish, round: 2)
            let chrome = "\(run.root)/chrome.json"
            let otlp = "\(run.root)/otlp.json"
            let (traced, text, why) = try await run.command(
                ["trace", "2"] + files + ["--format", "json", "--chrome", chrome, "--otlp", otlp])
            #expect(traced == 0, "\(why)")
            let trace = try JSONDecoder().decode(TraceAnswer.self, from: Data(text.utf8))
            #expect(trace.outcome == "released")
            #expect(trace.spans.filter { $0.parent == nil }.map(\.name) == ["round"])
            for cloud in ["north", "west", "east"] {
                #expect(trace.spans.contains { $0.stage == "\(cloud)/local-train" && $0.name == "train" })
            }
            for path in [chrome, otlp] {
                let data = try #require(FileManager.default.contents(atPath: path))
                #expect(try JSONSerialization.jsonObject(with: data) is [String: Any])
                #expect(String(decoding: data, as: UTF8.self).contains(trace.trace))
            }
            let (absent, _, said) = try await run.command(["trace", "77"] + files)
            #expect(absent == 1 && said.contains("no events of round 77"), "\(said)")
            run.signal(SIGTERM, to: launcher)
            _ = try await run.event("exited", of: launcher)
        }

        @Test(
            "top gives the terminal back as it was, however it ends",
            .enabled(if: PseudoTerminal.areThere, "needs terminals: /dev/pts"),
            arguments: [nil, SIGTERM, SIGINT, SIGHUP, SIGSEGV])
        func terminal(_ number: Int32?) throws {
            let run = try FederationRun(.init(suite: .clear, updates: 1))
            let terminal = try PseudoTerminal(width: 80, height: 24)
            let before = try terminal.modes()
            let process = Process()
            process.executableURL = URL(filePath: "\(FederationRun.binaries)/tributary")
            process.arguments = ["top", "\(run.root)/topology.yaml", "--state", run.topology.statePath]
            process.environment = ["TERM": "xterm", "LANG": "C.UTF-8", "NO_COLOR": "1"]
            process.standardInput = terminal.slave
            process.standardOutput = terminal.slave
            process.standardError = FileHandle.nullDevice
            try process.run()
            defer { if process.isRunning { kill(process.processIdentifier, SIGKILL) } }
            try terminal.read(until: "no round yet")
            #expect(try terminal.modes() != before)
            #expect(terminal.read.contains("\u{1B}[?1049h"))
            #expect(!terminal.read.contains("\u{1B}[3"), "NO_COLOR")

            // A larger terminal: the frame is drawn anew, to its last line.
            try terminal.resize(width: 120, height: 40)
            kill(process.processIdentifier, SIGWINCH)
            try terminal.read(until: String(repeating: "\u{1B}[0m\r\n\u{1B}[K", count: 12))
            terminal.write("\u{1B}[B\u{1B}[B\r")
            try terminal.read(until: "encrypt  ○ unknown")
            terminal.write("q")
            try terminal.read(until: "choose a stage")
            if let number { kill(process.processIdentifier, number) } else { terminal.write("q") }
            process.waitUntilExit()
            let isCrash = number == SIGSEGV
            #expect(process.terminationReason == (isCrash ? .uncaughtSignal : .exit))
            #expect(process.terminationStatus == (isCrash ? number ?? 0 : 0))
            try terminal.read(until: "\u{1B}[?1049l")
            #expect(try terminal.modes() == before)
        }
    }
}

/// A terminal for a program to draw on, and its other end.
private final class PseudoTerminal {
    struct Failure: Error { let description: String }

    let slave: FileHandle
    private let master: Int32
    private(set) var read = ""

    /// A bare root may have none.
    static let areThere: Bool = {
        var (first, second): (Int32, Int32) = (-1, -1)
        guard openpty(&first, &second, nil, nil, nil) == 0 else { return false }
        close(first)
        close(second)
        return true
    }()

    init(width: UInt16, height: UInt16) throws {
        var (first, second): (Int32, Int32) = (-1, -1)
        var size = winsize(ws_row: height, ws_col: width, ws_xpixel: 0, ws_ypixel: 0)
        guard openpty(&first, &second, nil, nil, &size) == 0 else { throw Failure(description: "openpty") }
        (master, slave) = (first, FileHandle(fileDescriptor: second, closeOnDealloc: true))
    }

    deinit { close(master) }

    /// What a program could have changed of how it works.
    func modes() throws -> [UInt32] {
        var modes = termios()
        guard tcgetattr(slave.fileDescriptor, &modes) == 0 else { throw Failure(description: "tcgetattr") }
        return [modes.c_iflag, modes.c_oflag, modes.c_lflag]
    }

    func resize(width: UInt16, height: UInt16) throws {
        var size = winsize(ws_row: height, ws_col: width, ws_xpixel: 0, ws_ypixel: 0)
        guard ioctl(master, UInt(TIOCSWINSZ), &size) == 0 else { throw Failure(description: "TIOCSWINSZ") }
    }

    func write(_ text: String) {
        let bytes = Array(text.utf8)
        _ = Glibc.write(master, bytes, bytes.count)
    }

    /// Reads on until there is something new that has this text in it.
    func read(until text: String) throws {
        var fresh = ""
        let deadline = ContinuousClock.now + .seconds(60)
        var buffer = [UInt8](repeating: 0, count: 65_536)
        var partial: [UInt8] = []
        while !fresh.contains(text) {
            var item = pollfd(fd: master, events: Int16(POLLIN), revents: 0)
            guard ContinuousClock.now < deadline else {
                throw Failure(
                    description: "\(text.debugDescription) did not come: \(fresh.suffix(2000).debugDescription)")
            }
            guard poll(&item, 1, 1000) > 0 else { continue }
            let count = Glibc.read(master, &buffer, buffer.count)
            guard count > 0 else {
                throw Failure(description: "the terminal is closed: \(fresh.suffix(500).debugDescription)")
            }
            partial += buffer[..<count]
            fresh += String(decoding: partial, as: UTF8.self)
            partial = []
        }
        read += fresh
    }
}
