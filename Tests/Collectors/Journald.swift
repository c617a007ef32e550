internal import Foundation
internal import Glibc
package import JSONText

/// systemd-journald itself, in a namespace of its own and without systemd (systemd-journald.service(8)).
package final class Journald {
    private let namespace: String
    private let collector: Collector
    package var socket: String { "/run/systemd/journal.\(namespace)/socket" }
    private var limits: String { "/run/systemd/journald@\(namespace).conf.d" }

    /// - Parameter number: tells it apart from others of this process.
    package init(folder: String, number: Int = 0) throws {
        namespace = "tributary\(getpid())n\(number)"
        collector = Collector([Equipment.journald, namespace], folder: folder, output: "\(folder)/none")
        // Unless it is told otherwise it drops what comes faster than it likes (journald.conf(5), RateLimitBurst).
        try FileManager.default.createDirectory(atPath: limits, withIntermediateDirectories: true)
        try Data("[Journal]\nRateLimitIntervalSec=0\n".utf8).write(to: URL(filePath: "\(limits)/limits.conf"))
    }

    deinit {
        collector.kill()
        for parent in ["/var/log/journal", "/run/log/journal", "/run/systemd", "/run"] {
            do {
                for name in try FileManager.default.contentsOfDirectory(atPath: parent)
                where name.hasSuffix(".\(namespace)") || name == "journald@\(namespace).conf.d" {
                    try FileManager.default.removeItem(atPath: "\(parent)/\(name)")
                }
            } catch { continue }  // not every system has all of these
        }
    }

    package func start() throws {
        // A socket that a killed one left is there and nobody's.
        let path = socket
        unlink(path)
        try collector.start { access(path, F_OK) == 0 }
    }

    /// At once, as a power cut would.
    package func kill() { collector.kill() }

    package func entries() throws -> [[String: JSON]] {
        let process = Process()
        let pipe = Pipe()
        process.executableURL = URL(filePath: "/usr/bin/journalctl")
        process.arguments = [
            "--namespace=\(namespace)", "-o", "json", "--all", "--no-pager", "SYSLOG_IDENTIFIER=tributary",
        ]
        process.standardOutput = pipe
        process.standardError = FileHandle.nullDevice
        try process.run()
        let data = try pipe.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return try data.split(separator: UInt8(ascii: "\n")).map { try JSON($0).members }
    }
}
