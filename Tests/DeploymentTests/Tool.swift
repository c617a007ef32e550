import Deployment
import Foundation
import Glibc

/// Another program that judges what was written.
struct Tool {
    let path: String

    var isThere: Bool { access(path, X_OK) == 0 }

    struct Result: Equatable {
        let status: Int32
        /// Standard output and error together.
        let output: String
    }

    func run(_ arguments: [String]) throws -> Result {
        let process = Process()
        process.executableURL = URL(filePath: path)
        process.arguments = arguments
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        process.standardInput = FileHandle.nullDevice
        try process.run()
        let text = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return Result(status: process.terminationStatus, output: String(decoding: text, as: UTF8.self))
    }

    static let analyze = Tool(path: "/usr/bin/systemd-analyze")
    static let python = Tool(path: ProcessInfo.processInfo.environment["TRIBUTARY_PYTHON"] ?? "")
    static let composeSchema = ProcessInfo.processInfo.environment["TRIBUTARY_COMPOSE_SCHEMA"] ?? ""

    /// Whether the Python has these modules.
    static func has(_ modules: String) -> Bool {
        guard python.isThere else { return false }
        do { return try python.run(["-c", "import \(modules)"]).status == 0 } catch { return false }
    }

    /// A program of `Reference/`.
    static func reference(_ name: String) -> String {
        URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Reference/\(name)").path
    }
}

/// Files in a folder of their own, removed with it.
final class WrittenFiles {
    let folder: String
    let paths: [String]

    init(_ files: [DeploymentFile]) throws {
        let folder = FileManager.default.temporaryDirectory.path + "/tributary-export-\(UUID().uuidString)"
        self.folder = folder
        paths = files.map { "\(folder)/\($0.path)" }
        for (file, path) in zip(files, paths) {
            try FileManager.default.createDirectory(
                atPath: URL(filePath: path).deletingLastPathComponent().path, withIntermediateDirectories: true)
            try Data(file.text.utf8).write(to: URL(filePath: path))
        }
    }

    deinit {
        do { try FileManager.default.removeItem(atPath: folder) } catch { print("\(folder) stays behind: \(error)") }
    }
}
