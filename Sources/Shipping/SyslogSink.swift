internal import Glibc
internal import Monitoring

/// Syslog (RFC 5424) over UDP (RFC 5426), TCP (RFC 6587, octet counting), or a unix socket's datagrams.
final class SyslogSink: Sink {
    let takesEvents = true
    /// Syslog has no acknowledgements.
    let settlesAfter = Duration.seconds(5)
    /// Datagrams between two rests of a millisecond: a receiver's buffer that is full drops them without a word.
    private static let burst = 48
    /// Sent at once over a stream.
    private static let piece = 1 << 16

    private let address: SinkAddress
    private let format: SyslogFormat
    private var connection: Connection?

    init(_ address: SinkAddress, _ format: SyslogFormat) {
        self.address = address
        self.format = format
    }

    func deliver(_ entries: [SpooledEvent]) throws -> Receipt {
        let isNew = connection == nil
        let connection = try self.connection ?? Connection.to(address)
        self.connection = connection
        do {
            try connection.check()
            switch address {
            case .tcp:
                var bytes: [UInt8] = []
                bytes.reserveCapacity(Self.piece + 2 * SyslogFormat.maximumBytes)
                for entry in entries {
                    guard let event = entry.event else { continue }
                    format.append(event, line: entry.line, isCounted: true, to: &bytes)
                    if bytes.count > Self.piece {
                        try connection.send(bytes)
                        bytes.removeAll(keepingCapacity: true)
                    }
                }
                if !bytes.isEmpty { try connection.send(bytes) }
            case .udp, .unix:
                var bytes: [UInt8] = []
                for (index, entry) in entries.enumerated() {
                    guard let event = entry.event else { continue }
                    bytes.removeAll(keepingCapacity: true)
                    format.append(event, line: entry.line, to: &bytes)
                    try connection.send(bytes)
                    // Whether anybody listens at a port shows after the first datagram alone.
                    if index == 0, isNew, address.scheme == .udp {
                        usleep(20_000)
                        try connection.check()
                    }
                    if address.scheme == .udp, index % Self.burst == Self.burst - 1 { usleep(1000) }
                }
            }
        } catch {
            self.connection = nil
            throw error
        }
        return Receipt()
    }

    func check() throws {
        do { try connection?.check() } catch {
            connection = nil
            throw error
        }
    }

    func finish() throws { try connection?.finish() }
}
