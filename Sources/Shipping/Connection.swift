internal import Glibc
internal import Monitoring

/// A connected socket to a collector, blocking with a limit.
final class Connection {
    let descriptor: Int32
    private let what: String
    private let isStream: Bool
    /// Of a unix socket: where it was, and which file that was then.
    private let place: (path: String, inode: ino_t)?

    static let timeoutSeconds = 10

    private init(owning descriptor: Int32, _ what: String, isStream: Bool, place: (path: String, inode: ino_t)? = nil) {
        self.descriptor = descriptor
        self.what = what
        self.isStream = isStream
        self.place = place
    }

    static func to(_ address: SinkAddress) throws -> Connection {
        let what = "\(address)"
        switch address {
        case .udp(let host, let port):
            return Connection(owning: try dial(host, port, SOCK_DGRAM, what), what, isStream: false)
        case .tcp(let host, let port):
            return Connection(owning: try dial(host, port, SOCK_STREAM, what), what, isStream: true)
        case .unix(let path):
            let place = (path: path, inode: try inode(path))
            let connection = Connection(owning: try open(AF_UNIX, SOCK_DGRAM), what, isStream: false, place: place)
            guard try withAddress(path, { connect(connection.descriptor, $0, $1) }) == 0 else {
                throw SinkFault("connect \(what)", errno: errno)
            }
            return connection
        }
    }

    deinit { close(descriptor) }

    private static func inode(_ path: String) throws -> ino_t {
        var information = stat()
        guard stat(path, &information) == 0 else { throw SinkFault("connect unix://\(path)", errno: errno) }
        return information.st_ino
    }

    static func withAddress(
        _ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
    ) throws -> Int32 {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else {
            throw SinkFault("\(path): too long for a socket (unix(7))")
        }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let length = socklen_t(MemoryLayout<sa_family_t>.size + bytes.count + 1)
        return withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, length) }
        }
    }

    private static func open(_ family: Int32, _ type: __socket_type) throws -> Int32 {
        let number = socket(family, Int32(type.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard number >= 0 else { throw SinkFault("socket", errno: errno) }
        var limit = timeval(tv_sec: timeoutSeconds, tv_usec: 0)
        for option in [SO_SNDTIMEO, SO_RCVTIMEO] {
            setsockopt(number, SOL_SOCKET, option, &limit, socklen_t(MemoryLayout<timeval>.size))
        }
        return number
    }

    private static func dial(_ host: String, _ port: Int, _ type: __socket_type, _ what: String) throws -> Int32 {
        var hints = addrinfo()
        hints.ai_socktype = Int32(type.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let result = getaddrinfo(host, "\(port)", &hints, &list)
        guard result == 0 else { throw SinkFault("\(what): \(String(cString: gai_strerror(result)))") }
        defer { freeaddrinfo(list) }
        var code = EADDRNOTAVAIL
        var next = list
        while let candidate = next?.pointee {
            let number = try open(candidate.ai_family, type)
            if connect(number, candidate.ai_addr, candidate.ai_addrlen) == 0 { return number }
            code = errno == EINPROGRESS ? ETIMEDOUT : errno
            close(number)
            next = candidate.ai_next
        }
        throw SinkFault("connect \(what)", errno: code)
    }

    /// One message, or a piece of a stream, whole.
    func send(_ bytes: [UInt8]) throws {
        var sent = 0
        repeat {
            let count = bytes.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress?.advanced(by: sent), bytes.count - sent, Int32(MSG_NOSIGNAL))
            }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else {
                let code = errno == EAGAIN ? ETIMEDOUT : errno
                // Too long for one datagram: another try would not help, and the others are not to wait for it.
                if code == EMSGSIZE, !isStream { return }
                throw SinkFault("send \(what)", errno: code)
            }
            sent += count
        } while isStream && sent < bytes.count
    }

    /// What comes next, at most `limit` bytes; nothing at the end.
    func receive(_ limit: Int = 65_536) throws -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: limit)
        while true {
            let count = recv(descriptor, &buffer, limit, 0)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else {
                throw SinkFault(errno == EAGAIN ? "\(what) does not answer" : "receive \(what)", errno: errno)
            }
            return Array(buffer[..<count])
        }
    }

    /// The other side has read all that it was sent, and has closed: had it not read all, it would have cut the connection
    /// off (RFC 1122, section 4.2.2.13).
    var isClosedInOrder: Bool {
        var byte: UInt8 = 0
        return isStream && recv(descriptor, &byte, 1, Int32(MSG_DONTWAIT | MSG_PEEK)) == 0
    }

    /// Throws where it is known that nobody is there any more.
    func check() throws {
        var byte: UInt8 = 0
        let count = recv(descriptor, &byte, 1, Int32(MSG_DONTWAIT | MSG_PEEK))
        if count == 0, isStream { throw SinkFault("\(what) has closed the connection") }
        if count < 0, ![EAGAIN, EINTR].contains(errno) { throw SinkFault("\(what)", errno: errno) }
        if let place, try Self.inode(place.path) != place.inode {
            throw SinkFault("\(what) has been made anew")
        }
    }

    /// Of a stream: says that no more comes, and waits until the other side has read all of it and closes too.
    func finish() throws {
        guard isStream else {
            // A port that nobody listens at is told a moment later.
            usleep(100_000)
            return try check()
        }
        shutdown(descriptor, Int32(SHUT_WR))
        while try !receive().isEmpty {}
    }
}
