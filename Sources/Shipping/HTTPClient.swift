internal import Glibc
internal import Monitoring

/// As much of HTTP/1.1 (RFC 9112) as it takes to POST to a collector on this host or this network: one connection that is kept
/// open, bodies of known length, no TLS, no redirects, no proxies, no compression.
final class HTTPClient {
    private let host: String
    private let port: Int
    private var connection: Connection?

    init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    private var authority: String { "\(host.contains(":") ? "[\(host)]" : host):\(port)" }

    func post(_ path: String, _ type: String, _ body: [UInt8]) throws -> HTTPAnswer {
        // A connection that was idle may have been closed by the other side: then a new one has a try of its own.
        if connection?.isClosedInOrder == true { connection = nil }
        do {
            let connection = try self.connection ?? dial()
            self.connection = connection
            let head =
                "POST \(path) HTTP/1.1\r\nHost: \(authority)\r\nContent-Type: \(type)\r\nContent-Length: \(body.count)\r\n"
                + "User-Agent: tributary\r\n\r\n"
            try connection.send(Array(head.utf8) + body)
            let answer = try HTTPAnswer(from: authority) { try connection.receive() }
            if !answer.keepsConnection { self.connection = nil }
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
}
