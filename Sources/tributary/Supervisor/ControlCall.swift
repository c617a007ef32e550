internal import Glibc
internal import Launching
internal import Topology

/// A command's side of the control socket.
enum ControlCall {
    /// Asks the launcher, gives each answer to `body` as it comes, and returns the last one.
    static func make(_ request: ControlRequest, to topology: Topology, _ body: (ControlReply) -> Void) throws
        -> ControlReply
    {
        guard try StateLock.holder(topology.statePath) != nil else {
            throw LauncherError.runFailed("nothing runs on \(topology.statePath): start it with `tributary up`")
        }
        let number = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard number >= 0 else { throw LauncherError.system("socket") }
        let descriptor = Descriptor(owning: number)
        let path = ControlSocket.path(topology)
        guard try UnixAddress.with(path, { connect(number, $0, $1) }) == 0 else {
            throw LauncherError.system("the launcher does not answer: connect \(path)")
        }
        try descriptor.writeAll(ControlLine.encode(request))
        var received: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while case .bytes(let bytes) = try descriptor.read(into: &buffer) {
            received += bytes
            while let end = received.firstIndex(of: UInt8(ascii: "\n")) {
                let reply = try ControlLine.decode(ControlReply.self, received[..<end])
                received.removeSubrange(...end)
                if reply.isLast { return reply }
                body(reply)
            }
        }
        throw LauncherError.runFailed("the launcher ended before it had answered; see `tributary ps`")
    }
}
