internal import Glibc

/// Ports of the loopback interface that nobody listens on now. Another program may still take one before the stage does;
/// then the stage says so.
enum FreePorts {
    static func isFree(_ port: Int) -> Bool {
        do {
            close(try bound(to: port))
            return true
        } catch { return false }
    }

    /// As many different ones as asked for, which the system chooses.
    static func choose(_ count: Int) throws -> [Int] {
        var sockets: [Int32] = []
        defer { for socket in sockets { close(socket) } }
        return try (0..<count).map { _ in
            let socket = try bound(to: 0)
            sockets.append(socket)
            var address = sockaddr_in()
            var size = socklen_t(MemoryLayout<sockaddr_in>.size)
            let result = withUnsafeMutablePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(socket, $0, &size) }
            }
            guard result == 0 else { throw LauncherError.system("getsockname") }
            return Int(UInt16(bigEndian: address.sin_port))
        }
    }

    private static func bound(to port: Int) throws -> Int32 {
        let number = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard number >= 0 else { throw LauncherError.system("socket") }
        // As ZeroMQ binds: a port whose last user has just closed it is free.
        var on: Int32 = 1
        setsockopt(number, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(clamping: port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(number, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0, listen(number, 1) == 0 else {
            let error = LauncherError.system("bind 127.0.0.1:\(port)")
            close(number)
            throw error
        }
        return number
    }
}
