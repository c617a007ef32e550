internal import Federation
internal import FoundationEssentials
internal import Glibc
internal import Topology
internal import View

/// iperf3 from this host to a cloud that allows it by name, and only while the link is idle: it fills the link while it runs.
struct ActiveProbe {
    struct Result: Encodable {
        let from: String
        let to: String
        var upBytesPerSecond: Double?
        var downBytesPerSecond: Double?
        /// Why it was not measured.
        var refusal: String?
    }

    /// Stages write their figures once a second.
    private static let watch: UInt32 = 3
    /// Bytes in that time that are no more than beats and questions.
    private static let idleBytes = 64.0 * 1024

    private let topology: Topology
    private let from: CloudName
    private let to: CloudName
    private let seconds: Int

    init(_ topology: Topology, from: CloudName, to: CloudName, seconds: Int) {
        (self.topology, self.from, self.to, self.seconds) = (topology, from, to, seconds)
    }

    func measure() -> Result {
        var result = Result(from: "\(from)", to: "\(to)")
        do {
            guard let server = topology.cloud(to)?.probe else {
                throw Refusal("\(to) has no `probe` in \(topology.file): its operator allows no active probes")
            }
            let carried = bytesCarried()
            sleep(Self.watch)
            let since = bytesCarried() - carried
            guard since <= Self.idleBytes else {
                throw Refusal(
                    "the link is in use: \(Figures.bytes(since)) in the last \(Self.watch) s. Try again between rounds")
            }
            result.upBytesPerSecond = try iperf(server, ["-t", "\(seconds)"])
            result.downBytesPerSecond = try iperf(server, ["-t", "\(seconds)", "-R"])
        } catch let refusal as Refusal {
            result.refusal = refusal.reason
        } catch {
            result.refusal = "\(error)"
        }
        return result
    }

    private struct Refusal: Error {
        let reason: String
        init(_ reason: String) { self.reason = reason }
    }

    /// Between the two clouds, both ways, as the stages of this host count it.
    private func bytesCarried() -> Double {
        ProbeReport(topology, now: 0).links.filter {
            ($0.from == "\(from)" && $0.to == "\(to)") || ($0.from == "\(to)" && $0.to == "\(from)")
        }.flatMap(\.stages).reduce(0) { $0 + $1.bytes }
    }

    private struct Answer: Decodable {
        struct End: Decodable { let sum_received: Sum? }
        struct Sum: Decodable { let bits_per_second: Double }
        let end: End?
        let error: String?
    }

    private func iperf(_ server: Topology.ProbeServer, _ options: [String]) throws -> Double {
        guard let program = Self.program() else { throw Refusal("there is no iperf3 in PATH here: install it") }
        var lines: [String] = []
        let arguments = ["-c", server.host, "-p", "\(server.port)", "-J", "--connect-timeout", "3000"] + options
        do {
            try Subprocess.run(program, arguments) { lines.append($0) }
        } catch is LauncherError where !lines.isEmpty {}  // it says why in its JSON
        let answer: Answer
        do { answer = try JSONDecoder().decode(Answer.self, from: Data(lines.joined(separator: "\n").utf8)) } catch {
            throw Refusal("iperf3 to \(server.host) port \(server.port) gave no answer that can be read")
        }
        if let error = answer.error { throw Refusal("iperf3 to \(server.host) port \(server.port): \(error)") }
        guard let sum = answer.end?.sum_received else { throw Refusal("iperf3 gave no figure") }
        return sum.bits_per_second / 8
    }

    private static func program() -> String? {
        (getenv("PATH").map { String(cString: $0) } ?? "/usr/bin:/bin").split(separator: ":")
            .map { "\($0)/iperf3" }.first { access($0, X_OK) == 0 }
    }
}
