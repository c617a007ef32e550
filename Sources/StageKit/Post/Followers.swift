internal import ZeroMQ

/// Where a stage's events are published over ipc. XPUB, so that nothing is made for followers who are not there.
final class Followers {
    let socket: Socket

    init(at endpoint: String, in context: Context) throws {
        let xpub = try Socket(.xpub, in: context)
        try PostLoop.prepare(xpub, maximumFrame: 1 << 10)
        try xpub.bind(endpoint)
        socket = xpub
    }

    /// How many subscriptions have come, less those that have ended: XPUB tells of the first to a topic and of the end of its
    /// last (byte 1 or 0, and the topic).
    func change() throws -> Int {
        var change = 0
        for _ in 0..<64 {
            guard let message = try socket.receive() else { break }
            switch message.frames.first?.first {
            case 1?: change += 1
            case 0?: change -= 1
            default: break
            }
        }
        return change
    }
}
