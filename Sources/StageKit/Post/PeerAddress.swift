internal import CLinux
internal import Glibc

/// Where a connection comes from, for a line in the log.
enum PeerAddress {
    /// Ends a connection in both directions; its owner finds it closed and puts it away (shutdown(2)).
    static func shutDown(_ descriptor: Int) {
        _ = shutdown(Int32(truncatingIfNeeded: descriptor), Int32(SHUT_RDWR))
    }

    /// `ipc`, or an address with its port; words where the connection is gone already.
    static func of(_ descriptor: Int) -> String {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let result = withUnsafeMutablePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                getpeername(Int32(truncatingIfNeeded: descriptor), $0, &length)
            }
        }
        guard result == 0 else { return "a peer that left at once" }
        guard storage.ss_family != sa_family_t(AF_UNIX) else { return "ipc" }
        var host = [CChar](repeating: 0, count: Int(NI_MAXHOST))
        var port = [CChar](repeating: 0, count: 32)
        let status = withUnsafePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                getnameinfo(
                    $0, length, &host, socklen_t(host.count), &port, socklen_t(port.count),
                    NI_NUMERICHOST | NI_NUMERICSERV)
            }
        }
        func text(_ characters: [CChar]) -> String {
            String(decoding: characters.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        }
        return status == 0 ? "\(text(host)):\(text(port))" : "an unknown address"
    }

    /// The address in a name that `of` gives, without its port, as the kernel compares it.
    static func parse(_ host: String) -> tributary_address? {
        var address = tributary_address()
        let plain = String(host.prefix { $0 != "%" })  // without an interface
        return withUnsafeMutableBytes(of: &address.bytes) { bytes -> Bool? in
            if inet_pton(AF_INET, plain, bytes.baseAddress) == 1 { return false }
            guard inet_pton(AF_INET6, plain, bytes.baseAddress) == 1 else { return nil }
            // By a socket of both versions IPv4 comes as ::ffff:a.b.c.d, and by the wire as IPv4.
            guard bytes[..<10].allSatisfy({ $0 == 0 }), bytes[10] == 0xff, bytes[11] == 0xff else { return true }
            for place in 0..<4 { bytes[place] = bytes[12 + place] }
            return false
        }.map { isIPv6 in
            address.is_ipv6 = isIPv6 ? 1 : 0
            return address
        }
    }
}
