internal import Glibc
internal import Monitoring
package import Sodium

/// A collector that speaks Fluentd's Forward protocol.
final class ForwardSink: Sink {
    let takesEvents = true
    /// Entries in one message.
    private static let chunkEntries = 256
    private let target: ForwardTarget
    private let host: String
    private let key: SecretBytes?
    private var connection: Connection?

    var settlesAfter: Duration { target.acknowledges ? .zero : .seconds(5) }

    init(_ target: ForwardTarget, host: String) throws {
        self.target = target
        self.host = host
        key = try target.sharedKey.map(SecretFile.read)
    }

    func deliver(_ entries: [SpooledEvent]) throws -> Receipt {
        do {
            if connection?.isClosedInOrder == true { connection = nil }
            let connection = try self.connection ?? dial()
            self.connection = connection
            var index = 0
            while index < entries.count {
                let part = entries[index..<min(index + Self.chunkEntries, entries.count)]
                index += part.count
                let chunk = target.acknowledges ? try ForwardFormat.newChunk() : nil
                try connection.send(
                    ForwardFormat.message(
                        tag: target.tag, events: part, mode: target.mode, chunk: chunk))
                if let chunk { try awaitAcknowledgement(of: chunk, from: connection) }
            }
        } catch {
            connection = nil
            throw error
        }
        return Receipt()
    }

    private func awaitAcknowledgement(of chunk: String, from connection: Connection) throws {
        var received: [UInt8] = []
        while true {
            let more = try connection.receive()
            guard !more.isEmpty else { throw SinkFault("\(target.address) closed before it had acknowledged a chunk") }
            received += more
            switch try ForwardFormat.answer(received) {
            case .incomplete: continue
            case .acknowledged(chunk): return
            case .acknowledged, .other:
                throw SinkFault("\(target.address) acknowledges something else than the chunk that it was sent")
            }
        }
    }

    private func dial() throws -> Connection {
        let connection = try Connection.to(target.address)
        guard let key else { return connection }
        var handshake = try ForwardHandshake(host: host, key: key)
        var received: [UInt8] = []
        func more() throws {
            let bytes = try connection.receive()
            guard !bytes.isEmpty else {
                throw SinkFault("\(target.address) closed in the handshake: is the shared key the one that it has?")
            }
            received += bytes
        }
        repeat { try more() } while try handshake.ping(to: received) == nil
        guard let ping = try handshake.ping(to: received) else { return connection }
        try connection.send(ping)
        received = []
        repeat { try more() } while try !handshake.accepts(received)
        return connection
    }

    /// Collectors close what is idle: one that has read everything and then closes has not failed.
    func check() throws {
        if connection?.isClosedInOrder == true { connection = nil }
        do { try connection?.check() } catch {
            connection = nil
            if !target.acknowledges { throw error }
        }
    }

    func finish() throws { if !target.acknowledges { try connection?.finish() } }
}

/// A file with a secret of one line, which nobody but its owner may read.
package enum SecretFile {
    static let maximumBytes = 4096

    package static func read(_ path: String) throws -> SecretBytes {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw SinkFault("shared key \(path)", errno: errno) }
        defer { close(file) }
        var information = stat()
        guard fstat(file, &information) == 0 else { throw SinkFault("shared key \(path)", errno: errno) }
        guard information.st_mode & S_IFMT == S_IFREG else { throw SinkFault("shared key \(path): not a file") }
        guard information.st_mode & 0o077 == 0 else {
            let mode = String(information.st_mode & 0o777, radix: 8)
            throw SinkFault("shared key \(path): others may read it (mode \(mode)); `chmod 600 \(path)`")
        }
        guard information.st_uid == geteuid() || information.st_uid == 0 else {
            throw SinkFault("shared key \(path): belongs to another user")
        }
        var bytes = [UInt8](repeating: 0, count: maximumBytes + 1)
        defer { wipe(&bytes) }
        let count = Glibc.read(file, &bytes, bytes.count)
        guard count >= 0 else { throw SinkFault("shared key \(path)", errno: errno) }
        guard count <= maximumBytes else { throw SinkFault("shared key \(path): over \(maximumBytes) bytes long") }
        var end = count
        while end > 0, bytes[end - 1] == UInt8(ascii: "\n") || bytes[end - 1] == UInt8(ascii: "\r") { end -= 1 }
        guard end > 0 else { throw SinkFault("shared key \(path): is empty") }
        return try SecretBytes(count: end) { target in
            bytes.withUnsafeBytes { target.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[..<end])) }
        }
    }
}
