import Federation
import Foundation
import Glibc
import Topology

/// What `tributary swap --format json` prints.
struct SwapAnswer: Decodable, Sendable {
    struct Result: Decodable, Sendable {
        let event: String
        let reason: String?
        /// The last lines of a new process that failed.
        let log: [String]?
        /// From the end of the one process to the readiness of the other.
        let seconds: Double?
    }
    struct Contents: Decodable, Sendable {
        let stage: String
        let result: Result
    }
    let data: Contents

    var stage: String { data.stage }
    var result: Result { data.result }
}

// A run under the launcher, as a user has it.
extension FederationRun {
    /// Under whose name the launcher's lines stand in the book.
    var launcher: StageName { get throws { try StageName("launcher/ingest") } }

    /// Starts `tributary up` and returns when all stages are ready; its end is an event of `launcher`.
    func launch() async throws {
        try start(try launcher, program: "tributary", ["up", "\(root)/topology.yaml", "--state", topology.statePath])
        _ = try await event("text", of: try launcher) { $0.line.contains("all stages ready") }
    }

    /// The first line of a launched stage's log that says this, past or to come.
    func logged(_ name: String, of stage: StageName, round: Int, within seconds: Int = 120) async throws {
        let clock = ContinuousClock()
        let deadline = clock.now + .seconds(seconds)
        while clock.now < deadline {
            let text = FileManager.default.contents(atPath: topology.logPath(of: stage)) ?? Data()
            let lines = String(decoding: text, as: UTF8.self).split(separator: "\n")
            if lines.contains(where: {
                let event = StageEvent(stage, line: String($0))
                return event.name == name && event.round == round
            }) {
                return
            }
            try await Task.sleep(for: .milliseconds(50))
        }
        throw Failure(description: "no \(name) of \(stage) in round \(round) within \(seconds) s")
    }

    /// Sends a signal to a stage that the launcher runs.
    func signalLaunched(_ number: Int32, to stage: StageName) async throws {
        let (_, output, complaint) = try await command([
            "ps", "\(root)/topology.yaml", "--state", topology.statePath, "--pid", "\(stage)",
        ])
        guard let pid = Int32(output.trimmingCharacters(in: .whitespacesAndNewlines)) else {
            throw Failure(description: complaint)
        }
        kill(pid, number)
    }

    /// Runs `tributary` and answers its status and what it printed.
    func command(_ arguments: [String]) async throws -> (status: Int32, output: String, complaint: String) {
        let process = Process()
        process.executableURL = URL(filePath: "\(Self.binaries)/tributary")
        process.arguments = arguments
        let (output, complaint) = (Pipe(), Pipe())
        process.standardOutput = output
        process.standardError = complaint
        try process.run()
        return await withCheckedContinuation { continuation in
            Thread {
                let text = output.fileHandleForReading.readDataToEndOfFile()
                let words = complaint.fileHandleForReading.readDataToEndOfFile()
                process.waitUntilExit()
                continuation.resume(
                    returning: (
                        process.terminationStatus, String(decoding: text, as: UTF8.self),
                        String(decoding: words, as: UTF8.self)
                    ))
            }.start()
        }
    }

    /// Swaps a stage under the launcher; nil where the launcher has ended.
    func swap(_ stage: StageName, _ more: String...) async throws -> SwapAnswer? { try await swap(stage, more) }

    func swap(_ stage: StageName, _ more: [String]) async throws -> SwapAnswer? {
        let (_, output, complaint) = try await command(
            ["swap", "\(stage)", "\(root)/topology.yaml", "--state", topology.statePath, "--format", "json"] + more)
        guard !output.isEmpty else {
            // Between the last release and here the launcher may have gone.
            guard complaint.contains("nothing runs on") || complaint.contains("launcher") else {
                throw Failure(description: complaint)
            }
            return nil
        }
        return try JSONDecoder().decode(SwapAnswer.self, from: Data(output.utf8))
    }

    /// Replaces a stage that runs as a child of this process, as the launcher would: the successor comes first, and waits for the
    /// other to let go.
    /// - Parameter signal: SIGTERM for one that would take too long to let go, as the launcher does after its patience.
    func replace(_ stage: StageName, topology file: String? = nil, by signal: Int32 = SIGUSR1) async throws {
        let old = pid(of: stage)
        try start(stage, standby: true, topology: file)
        kill(old, signal)
        let end = try await event("exited", of: stage) { $0.fields["pid"] == "\(old)" }
        guard end.fields["status"] == "0" else { throw Failure(description: end.line) }
    }
}
