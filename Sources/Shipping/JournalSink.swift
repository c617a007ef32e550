internal import CLinux
internal import Glibc
internal import Monitoring

/// systemd's journal: a datagram for each event, or where that is too long a sealed memory file (memfd_create(2)) whose
/// descriptor is handed over.
final class JournalSink: Sink {
    let takesEvents = true
    let settlesAfter = Duration.seconds(5)
    /// Longer entries go by a file; a socket's buffer may hold less than is said of it.
    static let longest = 32 << 10
    private let path: String
    private var connection: Connection?

    init(socket path: String) { self.path = path }

    func deliver(_ entries: [SpooledEvent]) throws -> Receipt {
        let connection = try self.connection ?? Connection.to(.unix(path: path))
        self.connection = connection
        do {
            try connection.check()
            var bytes: [UInt8] = []
            for entry in entries {
                guard let event = entry.event else { continue }
                bytes.removeAll(keepingCapacity: true)
                JournalFormat.append(event, to: &bytes)
                if bytes.count <= Self.longest {
                    try connection.send(bytes)
                } else {
                    try Self.sendByFile(bytes, over: connection)
                }
            }
        } catch {
            self.connection = nil
            throw error
        }
        return Receipt()
    }

    static func sendByFile(_ bytes: [UInt8], over connection: Connection) throws {
        let result = bytes.withUnsafeBytes { tributary_send_memfd(connection.descriptor, $0.baseAddress, $0.count) }
        guard result == 0 else { throw SinkFault("send a long entry to the journal", errno: errno) }
    }

    func check() throws {
        do { try connection?.check() } catch {
            connection = nil
            throw error
        }
    }

    func finish() throws { try connection?.finish() }
}
