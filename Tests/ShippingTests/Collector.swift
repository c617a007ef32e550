import Foundation
import Glibc
import Testing

/// What there is to test with.
enum Equipment {
    static func variable(_ name: String) -> String? {
        getenv(name).map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
    }

    static let collectors = variable("TRIBUTARY_COLLECTORS")
    static let python = variable("TRIBUTARY_PYTHON")
    static let withoutCollectors: Comment = "set TRIBUTARY_COLLECTORS (`make collectors` unpacks rsyslog and syslog-ng)"
    static let withoutPython: Comment = "set TRIBUTARY_PYTHON (`make reference` installs the peers)"
    static let journald = "/lib/systemd/systemd-journald"
    static let canRunJournald =
        geteuid() == 0 && access(journald, X_OK) == 0 && access("/usr/bin/journalctl", X_OK) == 0
        && access("/etc/machine-id", R_OK) == 0 && hasControlGroups
    /// journald ends at once where /sys/fs/cgroup is empty, as in a bare root.
    private static let hasControlGroups =
        ["cgroup.controllers", "systemd", "cpu"].contains { access("/sys/fs/cgroup/\($0)", F_OK) == 0 }
    static let peers = URL(filePath: #filePath).deletingLastPathComponent().path + "/Peers"

    static func freePort() throws -> Int {
        let number = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(number) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                bind(number, pointer, length) == 0 && getsockname(number, pointer, &length) == 0
            }
        }
        try #require(result)
        return Int(UInt16(bigEndian: address.sin_port))
    }

    /// Waits for something that other processes bring about.
    static func wait(
        _ what: String, location: SourceLocation = #_sourceLocation, until body: () throws -> Bool
    ) throws {
        let end = ContinuousClock.now + .seconds(90)
        while ContinuousClock.now < end {
            if try body() { return }
            usleep(20_000)
        }
        Issue.record("in 90 seconds not: \(what)", sourceLocation: location)
        throw CancellationError()
    }
}

/// A collector's process, with its own folder; ended with its last owner.
final class Collector {
    let folder: String
    let output: String
    private let arguments: [String]
    private let environment: [String: String]
    private var process: Process?

    init(_ arguments: [String], folder: String, output: String, environment: [String: String] = [:]) {
        self.arguments = arguments
        self.folder = folder
        self.output = output
        self.environment = environment
    }

    deinit { if let process { Glibc.kill(process.processIdentifier, SIGKILL) } }

    func start(until isReady: () throws -> Bool = { true }) throws {
        let process = Process()
        process.executableURL = URL(filePath: arguments[0])
        process.arguments = Array(arguments.dropFirst())
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        let log = "\(folder)/collector.log"
        if access(log, F_OK) != 0 { try Data().write(to: URL(filePath: log)) }
        let handle = try #require(FileHandle(forWritingAtPath: log))
        handle.seekToEndOfFile()
        process.standardOutput = handle
        process.standardError = handle
        process.standardInput = FileHandle.nullDevice
        try process.run()
        self.process = process
        try Equipment.wait("\(arguments[0]) is ready") {
            if !process.isRunning { Issue.record("\(arguments) has ended: \(try self.log())") }
            try #require(process.isRunning)
            return try isReady()
        }
    }

    /// At once, as a power cut would.
    func kill() {
        guard let process else { return }
        Glibc.kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
        self.process = nil
    }

    func log() throws -> String { try String(contentsOfFile: "\(folder)/collector.log", encoding: .utf8) }

    /// The whole lines that it has written.
    func lines() throws -> [String] {
        guard access(output, F_OK) == 0 else { return [] }
        let text = String(decoding: try Data(contentsOf: URL(filePath: output)), as: UTF8.self)
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        lines.removeLast()
        return lines
    }

    static func isListening(_ port: Int) -> Bool {
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
