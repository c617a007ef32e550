internal import Glibc
internal import Launching
internal import Topology

/// The launcher's ear for commands: a unix socket in a folder that is this user's alone. One line comes in on a connection,
/// lines go out, and the last one ends it.
final class ControlSocket {
    /// A command that is waiting for its answers.
    final class Caller {
        fileprivate let descriptor: Descriptor
        fileprivate var received: [UInt8] = []

        fileprivate init(_ descriptor: Descriptor) { self.descriptor = descriptor }

        /// Whoever asked may be gone; what was asked is done all the same.
        func tell(_ reply: ControlReply) {
            do { try descriptor.writeAll(ControlLine.encode(reply)) } catch {
                Terminal.warn("whoever asked does not listen any more: \(error)")
            }
        }
    }

    static func path(_ topology: Topology) -> String { "\(topology.launcherSocketFolder)/control" }

    private static let mostCallers = 16
    private let path: String
    private let listener: Descriptor
    private var callers: [Caller] = []

    init(path: String) throws {
        self.path = path
        let number = socket(
            AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)
        guard number >= 0 else { throw LauncherError.system("socket") }
        listener = Descriptor(owning: number)
        unlink(path)
        guard try UnixAddress.with(path, { bind(number, $0, $1) }) == 0, listen(number, 8) == 0 else {
            throw LauncherError.system("bind \(path)")
        }
    }

    deinit { unlink(path) }

    /// To be polled for input.
    var descriptors: [Int32] { [listener.number] + callers.map(\.descriptor.number) }

    /// The requests that are whole now, each with whom to answer. What is no request is answered here.
    func take() throws -> [(ControlRequest, Caller)] {
        accept()
        var requests: [(ControlRequest, Caller)] = []
        var waiting: [Caller] = []
        for caller in callers {
            switch read(caller) {
            case .incomplete: waiting.append(caller)
            case .gone: break
            case .line(let line):
                do { requests.append((try ControlLine.decode(ControlRequest.self, line), caller)) } catch {
                    caller.tell(ControlReply(event: .refused, reason: "not a request that this launcher knows"))
                }
            }
        }
        callers = waiting
        return requests
    }

    private func accept() {
        while true {
            let number = Glibc.accept(listener.number, nil, nil)
            guard number >= 0 else { return }
            let descriptor = Descriptor(owning: number)
            // Stages are started by this thread alone, so none can be between the two calls.
            guard fcntl(number, F_SETFD, FD_CLOEXEC) == 0 else { continue }
            if callers.count < ControlSocket.mostCallers { callers.append(Caller(descriptor)) }
        }
    }

    private enum Line {
        case incomplete
        case gone
        case line(ArraySlice<UInt8>)
    }

    private func read(_ caller: Caller) -> Line {
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = recv(caller.descriptor.number, &buffer, buffer.count, Int32(MSG_DONTWAIT))
            if count < 0 { return errno == EAGAIN || errno == EINTR ? .incomplete : .gone }
            if count == 0 { return .gone }
            caller.received += buffer[..<count]
            if let end = caller.received.firstIndex(of: UInt8(ascii: "\n")) { return .line(caller.received[..<end]) }
            if caller.received.count > ControlRequest.limit { return .gone }
        }
    }
}
