internal import Glibc
internal import Monitoring

/// As much of HTTP/1.1 (RFC 9112) as it takes to POST to a collector on this host or this network: one connection that is kept
/// open, bodies of known length, no TLS, no redirects, no proxies, no compression.
final class HTTPClient {
    struct Answer {
        let status: Int
        let body: [UInt8]
        /// What `Retry-After` asks for.
        let retryAfter: Duration?
    }

    private static let maximumHead = 32 << 10
    private static let maximumBody = 256 << 10

    private let host: String
    private let port: Int
    private var connection: Connection?
    private var received: [UInt8] = []

    init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    private var authority: String { "\(host.contains(":") ? "[\(host)]" : host):\(port)" }

    func post(_ path: String, _ type: String, _ body: [UInt8]) throws -> Answer {
        // A connection that was idle may have been closed by the other side: then a new one has a try of its own.
        if connection?.isClosedInOrder == true { connection = nil }
        do {
            let connection = try self.connection ?? dial()
            self.connection = connection
            received = []
            let head =
                "POST \(path) HTTP/1.1\r\nHost: \(authority)\r\nContent-Type: \(type)\r\nContent-Length: \(body.count)\r\n"
                + "User-Agent: tributary\r\n\r\n"
            try connection.send(Array(head.utf8) + body)
            let answer = try self.answer(connection)
            return answer
        } catch {
            connection = nil
            throw error
        }
    }

    /// A function of its own, because of a fault of the compiler (Swift 6.3.1, with and without optimisation): in `optional ?? call(...)`,
    /// and in the right side of `&&` and `||`, what `call` throws is lost where its arguments make an enum's case of two or more values
    /// (`.tcp(host:port:)`). The code for the error is then missing, and the thread runs on into whatever function the linker
    /// has put next. Written so, a collector that refused connections spoiled this process' memory. Reproduction:
    ///
    ///     struct Fault: Error {}
    ///     enum Pair { case of(Int, Int) }
    ///     func fail(_ pair: Pair) throws -> Int { throw Fault() }
    ///     let none: Int? = Int("x")
    ///     do { _ = try none ?? fail(.of(1, 2)) } catch { print("never printed") }
    ///
    /// `fail` with a case of one value, with a case made on a line before, or in `if let ... else`, is compiled as it should be.
    private func dial() throws -> Connection {
        let address = SinkAddress.tcp(host: host, port: port)
        return try Connection.to(address)
    }

    private func more(_ connection: Connection) throws -> Bool {
        let bytes = try connection.receive()
        received += bytes
        return !bytes.isEmpty
    }

    private func line(_ connection: Connection) throws -> String {
        while true {
            if let end = received.firstIndex(of: UInt8(ascii: "\n")) {
                let line = String(decoding: received[..<end], as: UTF8.self)
                received.removeSubrange(...end)
                return line.hasSuffix("\r\n") || line.hasSuffix("\r") ? String(line.dropLast()) : line
            }
            guard received.count < Self.maximumHead else { throw SinkFault("\(authority): an endless head") }
            guard try more(connection) else { throw SinkFault("\(authority) closed before it had answered") }
        }
    }

    private func take(_ count: Int, _ connection: Connection) throws -> [UInt8] {
        guard count <= Self.maximumBody else { throw SinkFault("\(authority): an answer of \(count) bytes") }
        while received.count < count {
            guard try more(connection) else { throw SinkFault("\(authority) closed in the middle of its answer") }
        }
        defer { received.removeSubrange(..<count) }
        return Array(received[..<count])
    }

    private func answer(_ connection: Connection) throws -> Answer {
        var status = 100
        var headers: [String: String] = [:]
        while (100..<200).contains(status) {  // 100 Continue and its like
            let start = try line(connection).split(separator: " ")
            guard start.count >= 2, start[0].hasPrefix("HTTP/1."), let number = Int(start[1]),
                (100...599).contains(number)
            else { throw SinkFault("\(authority) does not speak HTTP/1.1") }
            status = number
            headers = [:]
            while true {
                let line = try line(connection)
                if line.isEmpty { break }
                guard headers.count < 128, let colon = line.firstIndex(of: ":") else {
                    throw SinkFault("\(authority): a head that is none")
                }
                let value = line[line.index(after: colon)...].drop { $0 == " " || $0 == "\t" }
                headers[line[..<colon].lowercased()] = String(value)
            }
        }
        var body: [UInt8] = []
        if headers["transfer-encoding"]?.lowercased() == "chunked" {
            body = try chunks(connection)
        } else if let length = headers["content-length"] {
            guard let count = Int(length), count >= 0 else { throw SinkFault("\(authority): a length that is none") }
            body = try take(count, connection)
        } else if status != 204, status != 304 {
            while received.count <= Self.maximumBody, try more(connection) {}
            body = received
            self.connection = nil
        }
        if headers["connection"]?.lowercased() == "close" { self.connection = nil }
        let wait = headers["retry-after"].flatMap { Int($0) }.map { Duration.seconds(min(max($0, 0), 60)) }
        return Answer(status: status, body: body, retryAfter: wait)
    }

    private func chunks(_ connection: Connection) throws -> [UInt8] {
        var body: [UInt8] = []
        while true {
            let size = try line(connection).prefix { $0.isHexDigit }
            guard let count = Int(size, radix: 16), count >= 0, body.count + count <= Self.maximumBody else {
                throw SinkFault("\(authority): a chunk of no such length")
            }
            if count == 0 {
                while try !line(connection).isEmpty {}
                return body
            }
            body += try take(count, connection)
            _ = try line(connection)
        }
    }
}
