internal import Foundation
internal import Glibc

/// A collector's process, with its own folder; ended with its last owner.
package final class Collector {
    package let folder: String
    package let output: String
    private let arguments: [String]
    private let environment: [String: String]
    private var process: Process?

    package init(_ arguments: [String], folder: String, output: String, environment: [String: String] = [:]) {
        self.arguments = arguments
        self.folder = folder
        self.output = output
        self.environment = environment
    }

    deinit { if let process { Glibc.kill(process.processIdentifier, SIGKILL) } }

    package func start(until isReady: () throws -> Bool = { true }) throws {
        let process = Process()
        process.executableURL = URL(filePath: arguments[0])
        process.arguments = Array(arguments.dropFirst())
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        let log = "\(folder)/collector.log"
        if access(log, F_OK) != 0 { try Data().write(to: URL(filePath: log)) }
        guard let handle = FileHandle(forWritingAtPath: log) else { throw CollectorFault("cannot write to \(log)") }
        handle.seekToEndOfFile()
        process.standardOutput = handle
        process.standardError = handle
        process.standardInput = FileHandle.nullDevice
        try process.run()
        self.process = process
        try Equipment.wait("\(arguments[0]) is ready") {
            guard process.isRunning else { throw CollectorFault("\(arguments) has ended: \(try self.log())") }
            return try isReady()
        }
    }

    /// At once, as a power cut would.
    package func kill() {
        guard let process else { return }
        Glibc.kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
        self.process = nil
        dropTornLine()
    }

    /// Killed while it wrote, a daemon leaves half a line, and the next one would write behind it.
    private func dropTornLine() {
        guard let text = FileManager.default.contents(atPath: output), text.last != UInt8(ascii: "\n") else { return }
        let whole = text.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
        truncate(output, off_t(whole))
    }

    package func log() throws -> String { try String(contentsOfFile: "\(folder)/collector.log", encoding: .utf8) }

    /// The whole lines that it has written.
    package func lines() throws -> [String] {
        guard access(output, F_OK) == 0 else { return [] }
        let text = String(decoding: try Data(contentsOf: URL(filePath: output)), as: UTF8.self)
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        lines.removeLast()
        return lines
    }

    package static func isListening(_ port: Int) -> Bool {
        let number = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(number) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        return withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(number, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }
}
