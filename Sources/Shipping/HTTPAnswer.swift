/// What a collector answers to a request, read as it comes and under caps.
package struct HTTPAnswer {
    package let status: Int
    package let body: [UInt8]
    /// What `Retry-After` asks for.
    package let retryAfter: Duration?
    /// Another request may go the same way.
    package let keepsConnection: Bool

    /// Reads one, behind any that are only on the way (100 Continue and its like).
    ///
    /// - Parameters:
    ///   - authority: who answers, for errors.
    ///   - receive: what comes next; nothing at the end.
    package init(from authority: String, receiving receive: () throws -> [UInt8]) throws {
        self = try withoutActuallyEscaping(receive) { receive in
            var reader = HTTPReader(authority: authority, receive: receive)
            return try reader.answer()
        }
    }

    fileprivate init(status: Int, body: [UInt8], retryAfter: Duration?, keepsConnection: Bool) {
        (self.status, self.body, self.retryAfter) = (status, body, retryAfter)
        self.keepsConnection = keepsConnection
    }
}

private struct HTTPReader {
    private static let maximumHead = 32 << 10
    private static let maximumBody = 256 << 10
    /// Lines of one head, and of what may follow a body in chunks.
    private static let maximumLines = 128
    private static let maximumInterim = 8

    let authority: String
    let receive: () throws -> [UInt8]
    private var received: [UInt8] = []

    init(authority: String, receive: @escaping () throws -> [UInt8]) {
        self.authority = authority
        self.receive = receive
    }

    private mutating func more() throws -> Bool {
        let bytes = try receive()
        received += bytes
        return !bytes.isEmpty
    }

    private mutating func line() throws -> String {
        var searched = 0
        while true {
            if let end = received[searched...].firstIndex(of: UInt8(ascii: "\n")) {
                let line = received[..<end]
                defer { received.removeSubrange(...end) }
                return String(decoding: line.last == UInt8(ascii: "\r") ? line.dropLast() : line, as: UTF8.self)
            }
            searched = received.count
            guard received.count < Self.maximumHead else { throw SinkFault("\(authority): an endless head") }
            guard try more() else { throw SinkFault("\(authority) closed before it had answered") }
        }
    }

    private mutating func take(_ count: Int) throws -> [UInt8] {
        guard count <= Self.maximumBody else { throw SinkFault("\(authority): an answer of \(count) bytes") }
        while received.count < count {
            guard try more() else { throw SinkFault("\(authority) closed in the middle of its answer") }
        }
        defer { received.removeSubrange(..<count) }
        return Array(received[..<count])
    }

    private mutating func headers() throws -> [String: String] {
        var headers: [String: String] = [:]
        for _ in 0..<Self.maximumLines {
            let line = try line()
            if line.isEmpty { return headers }
            guard let colon = line.firstIndex(of: ":") else { break }
            let value = line[line.index(after: colon)...].drop { $0 == " " || $0 == "\t" }
            headers[line[..<colon].lowercased()] = String(value)
        }
        throw SinkFault("\(authority): a head that is none")
    }

    mutating func answer() throws -> HTTPAnswer {
        for _ in 0...Self.maximumInterim {
            let start = try line().split(separator: " ")
            guard start.count >= 2, start[0].hasPrefix("HTTP/1."), let status = Int(start[1]),
                (100...599).contains(status)
            else { throw SinkFault("\(authority) does not speak HTTP/1.1") }
            let headers = try headers()
            if status >= 200 { return try answer(status, headers) }
        }
        throw SinkFault("\(authority): more than \(Self.maximumInterim) answers that are none yet")
    }

    private mutating func answer(_ status: Int, _ headers: [String: String]) throws -> HTTPAnswer {
        var body: [UInt8] = []
        var keepsConnection = headers["connection"]?.lowercased() != "close"
        if headers["transfer-encoding"]?.lowercased() == "chunked" {
            body = try chunks()
        } else if let length = headers["content-length"] {
            guard let count = Int(length), count >= 0 else { throw SinkFault("\(authority): a length that is none") }
            body = try take(count)
        } else if status != 204, status != 304 {
            while received.count <= Self.maximumBody, try more() {}
            body = received
            keepsConnection = false
        }
        let wait = headers["retry-after"].flatMap { Int($0) }.map { Duration.seconds(min(max($0, 0), 60)) }
        return HTTPAnswer(status: status, body: body, retryAfter: wait, keepsConnection: keepsConnection)
    }

    private mutating func chunks() throws -> [UInt8] {
        var body: [UInt8] = []
        while true {
            let size = try line().prefix { $0.isHexDigit }
            guard let count = Int(size, radix: 16), count >= 0, count <= Self.maximumBody - body.count else {
                throw SinkFault("\(authority): a chunk of no such length")
            }
            if count == 0 {
                _ = try headers()
                return body
            }
            body += try take(count)
            _ = try line()
        }
    }
}
