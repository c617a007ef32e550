import Foundation
import Topology

extension FederationRun {
    /// Runs a line as a user would who stands in the run's folder, and answers what it printed.
    ///
    /// - Parameters:
    ///   - state: what TRIBUTARY_STATE names; the run's own state without it.
    ///   - path: where programs are looked for after the build's own.
    func shell(_ line: String, state: String? = nil, path: String = "/usr/bin:/bin") async throws -> String {
        let process = Process()
        process.executableURL = URL(filePath: "/bin/bash")
        process.arguments = ["-c", line]
        process.currentDirectoryURL = URL(filePath: root)
        process.environment = ProcessInfo.processInfo.environment.merging([
            "PATH": "\(Self.binaries):\(path)", "TRIBUTARY_STATE": state ?? topology.statePath, "NO_COLOR": "1",
        ]) { $1 }
        let output = Pipe()
        (process.standardOutput, process.standardError) = (output, output)
        try process.run()
        return await withCheckedContinuation { continuation in
            Thread {
                let text = output.fileHandleForReading.readDataToEndOfFile()
                process.waitUntilExit()
                continuation.resume(returning: String(decoding: text, as: UTF8.self))
            }.start()
        }
    }
}
