import Federation
import Glibc
import Keys
import Sodium
import ZeroMQ

/// A TCP port of this machine's own address, held for as long as the object lives, and what becomes of whoever dials it.
final class HeldPort {
    enum Manner {
        /// The port is taken, so that nobody else gets it, and nothing listens: connections are refused.
        case closed
        /// The kernel lets everyone in, and nobody ever says a word.
        case silent
        /// Its queue is full, so the kernel answers nothing at all, as a firewall would that drops what comes (listen(2)).
        case unanswered
    }

    let number: Int
    private var descriptors: [Int32] = []

    init(_ manner: Manner) throws {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard listener >= 0 else { throw Fault(call: "socket") }
        descriptors = [listener]
        try Address.with(port: 0) { guard bind(listener, $0, $1) == 0 else { throw Fault(call: "bind") } }
        number = try Address.port(of: listener)
        switch manner {
        case .closed: break
        case .silent: guard listen(listener, 64) == 0 else { throw Fault(call: "listen") }
        case .unanswered:
            guard listen(listener, 0) == 0 else { throw Fault(call: "listen") }
            // The queue takes one more than it is told; what comes after these gets no answer.
            for _ in 0..<4 {
                let caller = socket(
                    AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)
                guard caller >= 0 else { throw Fault(call: "socket") }
                descriptors.append(caller)
                try Address.with(port: number) {
                    guard connect(caller, $0, $1) == 0 || errno == EINPROGRESS else { throw Fault(call: "connect") }
                }
            }
            guard try isQueueFull() else { throw Fault(call: "filling the queue") }
        }
    }

    deinit { for descriptor in descriptors { close(descriptor) } }

    /// The last of those that dialled it has not got through.
    private func isQueueFull() throws -> Bool {
        guard let last = descriptors.last else { return false }
        var item = pollfd(fd: last, events: Int16(POLLOUT), revents: 0)
        return poll(&item, 1, 200) == 0
    }

    struct Fault: Error, CustomStringConvertible {
        let description: String
        init(call: String) { description = "\(call): \(String(cString: strerror(errno)))" }
    }
}

/// Where a stage's own hub would listen: it holds that stage's key and lets every key in.
final class OpenHub {
    let port: Int
    private let context: Context
    private let socket: Socket

    init(_ stage: StageName, _ keys: KeyStore) throws {
        context = try Context()
        let socket = try Socket(.pull, in: context)
        try keys.curveSecret(of: stage).withUnsafeBytes { try socket.serveCurve(secret: $0) }
        port = try Self.bind(socket, in: context)
        self.socket = socket
    }

    /// The port that the kernel has chosen.
    private static func bind(_ socket: borrowing Socket, in context: Context) throws -> Int {
        try socket.monitor(on: "inproc://watch", events: SocketEvent.mask)
        let watch = try Socket(.pair, in: context)
        try watch.connect("inproc://watch")
        // Before its reader goes: libzmq's thread may wait for it for ever otherwise.
        defer { socket.stopMonitor() }
        try socket.bind("tcp://127.0.0.1:*")
        while true {
            var items = [PollItem(watch, forInput: true, forOutput: false)]
            try poll(&items, milliseconds: nil)
            while let message = try watch.receive() {
                if case .listening(let descriptor) = SocketEvent(message) {
                    return try Address.port(of: Int32(descriptor))
                }
            }
        }
    }
}

/// A unix socket that listens, and whose owner never says a word; its file stays when the object goes.
final class LocalSocket {
    private let descriptor: Int32

    init(_ path: String) throws {
        descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw HeldPort.Fault(call: "socket") }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let bound = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard bound == 0, listen(descriptor, 8) == 0 else { throw HeldPort.Fault(call: "bind") }
    }

    deinit { close(descriptor) }
}

private enum Address {
    static func with(port: Int, _ body: (UnsafePointer<sockaddr>, socklen_t) throws -> Void) throws {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        try withUnsafePointer(to: &address) {
            try $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                try body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }

    static func port(of descriptor: Int32) throws -> Int {
        var address = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let status = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
        }
        guard status == 0 else { throw HeldPort.Fault(call: "getsockname") }
        return Int(in_port_t(bigEndian: address.sin_port))
    }
}
