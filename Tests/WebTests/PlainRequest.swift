import Glibc

/// One HTTP request over a socket, with whatever headers a test wants: a client of the library would put its own.
struct PlainRequest {
    var method = "GET"
    var path: String
    /// Host headers, as they are.
    var hosts: [String]

    struct Answer {
        let status: Int
        let head: String
        let body: String

        func header(_ name: String) -> String? {
            for line in head.split(separator: "\r\n") where line.lowercased().hasPrefix("\(name.lowercased()): ") {
                return String(line.dropFirst(name.count + 2))
            }
            return nil
        }
    }

    struct Failure: Error { let description: String }

    /// Sends it to a port of 127.0.0.1 and reads until the server closes, or until `enough` is satisfied.
    func send(to port: UInt16, until enough: (String) -> Bool = { _ in false }) throws -> Answer {
        let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard socket >= 0 else { throw Failure(description: "socket") }
        defer { close(socket) }
        var limit = timeval(tv_sec: 60, tv_usec: 0)
        setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        let status = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard status == 0 else { throw Failure(description: "connect") }
        let hostLines = hosts.map { "Host: \($0)\r\n" }.joined()
        let text = Array("\(method) \(path) HTTP/1.1\r\n\(hostLines)Connection: close\r\n\r\n".utf8)
        guard write(socket, text, text.count) == text.count else { throw Failure(description: "write") }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while !enough(String(decoding: bytes, as: UTF8.self)) {
            let count = read(socket, &buffer, buffer.count)
            guard count > 0 else { break }
            bytes += buffer[..<count]
        }
        let answer = String(decoding: bytes, as: UTF8.self)
        guard let end = answer.firstRange(of: "\r\n\r\n"), let status = Int(answer.dropFirst(9).prefix(3)) else {
            throw Failure(description: "no answer: \(answer.prefix(200))")
        }
        return Answer(
            status: status, head: String(answer[..<end.lowerBound]), body: String(answer[end.upperBound...]))
    }
}
