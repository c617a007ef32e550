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
}
