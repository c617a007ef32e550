internal import Foundation
internal import Glibc

/// What there is to test with.
package enum Equipment {
    package static func variable(_ name: String) -> String? {
        getenv(name).map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
    }

    package static let collectors = variable("TRIBUTARY_COLLECTORS")
    package static let python = variable("TRIBUTARY_PYTHON")
    package static let journald = "/lib/systemd/systemd-journald"
    package static let canRunJournald =
        geteuid() == 0 && access(journald, X_OK) == 0 && access("/usr/bin/journalctl", X_OK) == 0
        && access("/etc/machine-id", R_OK) == 0 && hasControlGroups
    /// journald ends at once where /sys/fs/cgroup is empty, as in a bare root.
    private static let hasControlGroups =
        ["cgroup.controllers", "systemd", "cpu"].contains { access("/sys/fs/cgroup/\($0)", F_OK) == 0 }
    /// Prometheus' server: unpacked with the other collectors, or installed.
    package static let prometheus: String? = [collectors.map { "\($0)/usr/bin/prometheus" }, "/usr/bin/prometheus"]
        .compactMap(\.self).first { access($0, X_OK) == 0 }
    package static let peers = URL(filePath: #filePath).deletingLastPathComponent().path + "/Peers"

    package static func freePort() throws -> Int {
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
        guard result else { throw CollectorFault("no free port: \(String(cString: strerror(errno)))") }
        return Int(UInt16(bigEndian: address.sin_port))
    }

    /// Waits for something that other processes bring about.
    package static func wait(_ what: String, until body: () throws -> Bool) throws {
        let end = ContinuousClock.now + .seconds(90)
        while ContinuousClock.now < end {
            if try body() { return }
            usleep(20_000)
        }
        throw CollectorFault("in 90 seconds not: \(what)")
    }
}

/// Why a collector is of no use to a test.
package struct CollectorFault: Error, CustomStringConvertible {
    package let description: String
    package init(_ description: String) { self.description = description }
}
