import Glibc

/// Somebody who dials a port over tcp and speaks no library: sends bytes as they are, and sees whether the other end hangs up.
final class RawPeer {
    struct Unreachable: Error { let port, code: Int32 }

    private let descriptor: Int32
    let began = ContinuousClock.now

    init(port: Int) throws {
        let made = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(made, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard made >= 0, result == 0 else {
            defer { close(made) }
            throw Unreachable(port: Int32(port), code: errno)
        }
        descriptor = made
    }

    func send(_ bytes: some Collection<UInt8>) {
        let bytes = Array(bytes)
        _ = Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
    }

    /// Whether the other end has hung up; what it has said meanwhile is thrown away.
    var isOver: Bool {
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = recv(descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT))
            if count > 0 || (count < 0 && errno == EINTR) { continue }
            return count == 0 || errno != EAGAIN
        }
    }

    deinit { close(descriptor) }

    /// What a CURVE client says first (RFC 37, "ZMTP 3.1": signature, version, mechanism, role, filler).
    static let greeting: [UInt8] =
        [0xff] + [UInt8](repeating: 0, count: 8) + [0x7f, 3, 1] + Array("CURVE".utf8)
        + [UInt8](repeating: 0, count: 15 + 1 + 31)
}
