import Glibc
import Sodium
import Testing
import ZeroMQ

@Suite("Sockets")
struct SocketTests {
    /// Waits until `socket` has a message; the test fails by its time limit if none comes.
    private func next(_ socket: borrowing Socket) throws -> Message {
        while true {
            if let message = try socket.receive() { return message }
            var items = [PollItem(socket, forInput: true, forOutput: false)]
            try poll(&items, milliseconds: nil)
        }
    }

    @Test("Frames arrive as one message", .timeLimit(.minutes(1)))
    func frames() throws {
        let context = try Context()
        let pull = try Socket(.pull, in: context)
        try pull.bind("inproc://frames")
        let push = try Socket(.push, in: context)
        try push.connect("inproc://frames")
        #expect(try push.send([[1], [], [2, 3]]))
        #expect(try next(pull).frames == [[1], [], [2, 3]])
        #expect(try pull.receive() == nil)
    }

    @Test("A push with nobody to take it says so")
    func noPeer() throws {
        let context = try Context()
        let push = try Socket(.push, in: context)
        try push.set(.lingerMilliseconds(0))
        #expect(try push.send([[1]]) == false)
    }

    @Test("A message of too many frames is marked", .timeLimit(.minutes(1)))
    func overlong() throws {
        let context = try Context()
        let pull = try Socket(.pull, in: context)
        try pull.bind("inproc://overlong")
        let push = try Socket(.push, in: context)
        try push.connect("inproc://overlong")
        #expect(try push.send([[UInt8]](repeating: [1], count: 8)))
        #expect(try next(pull).isOverlong == false)
        #expect(try push.send([[UInt8]](repeating: [1], count: 9)))
        let message = try next(pull)
        #expect(message.isOverlong)
        #expect(message.frames.count == 8)
    }

    @Test("A bad endpoint is named")
    func badEndpoint() throws {
        let context = try Context()
        let pull = try Socket(.pull, in: context)
        let error = #expect(throws: ZeroMQError.self) { try pull.bind("tcp://not an address") }
        #expect(error?.description.contains("tcp://not an address") == true)
    }
}

/// Why a post binds its ZAP handler before anything else and enforces a domain: without the handler CURVE lets every key in,
/// and with a domain that is enforced nobody.
@Suite("CURVE and ZAP", .timeLimit(.minutes(1)))
struct ZapTests {
    /// What the server's side of one CURVE connection by an unknown key comes to.
    private enum Outcome { case message, refused, failed }

    private func outcome(handler: ((Zap.Request) -> [[UInt8]])?, enforcing: Bool) throws -> (Outcome, user: String?) {
        let context = try Context()
        let zap = try Socket(.rep, in: context)
        if handler != nil { try zap.bind(Zap.endpoint) }
        let server = try BoxKeyPair()
        let client = try BoxKeyPair()
        let pull = try Socket(.pull, in: context)
        if enforcing {
            try pull.set(.zapDomain("work"))
            try pull.set(.enforceZapDomain)
        }
        try server.secret.withUnsafeBytes { try pull.serveCurve(secret: $0) }
        try pull.monitor(on: "inproc://watch", events: SocketEvent.mask)
        let watch = try Socket(.pair, in: context)
        try watch.connect("inproc://watch")
        let endpoint = "ipc:///tmp/tz-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
        defer { unlink(String(endpoint.dropFirst(6))) }
        try pull.bind(endpoint)
        let push = try Socket(.push, in: context)
        try push.set(.lingerMilliseconds(0))
        try client.secret.withUnsafeBytes {
            try push.dialCurve(server: server.publicKey, publicKey: client.publicKey, secret: $0)
        }
        try push.connect(endpoint)
        #expect(try push.send([[1]]))
        while true {
            var items = [
                PollItem(pull, forInput: true, forOutput: false), PollItem(watch, forInput: true, forOutput: false),
                PollItem(zap, forInput: handler != nil, forOutput: false),
            ]
            try poll(&items, milliseconds: nil)
            if let handler, let question = try zap.receive(maximumFrames: 10), let request = Zap.Request(question) {
                #expect(request.key == client.publicKey)
                #expect(try zap.send(handler(request)))
            }
            if let message = try pull.receive() { return (.message, message.userID) }
            if let event = try watch.receive() {
                switch SocketEvent(event) {
                case .handshakeRefused: return (.refused, nil)
                case .handshakeFailed: return (.failed, nil)
                default: break
                }
            }
        }
    }

    @Test("Without a handler any key gets in: what the handler is for")
    func withoutHandler() throws {
        #expect(try outcome(handler: nil, enforcing: false).0 == .message)
    }

    @Test("With an enforced domain and no handler nobody gets in: it fails closed")
    func failsClosed() throws {
        #expect(try outcome(handler: nil, enforcing: true).0 != .message)
    }

    @Test("The handler decides, and names the sender of every message")
    func handler() throws {
        let admitted = try outcome(handler: { $0.admitted(as: "north/encrypt") }, enforcing: true)
        #expect(admitted.0 == .message)
        #expect(admitted.user == "north/encrypt")
        #expect(try outcome(handler: { $0.refused() }, enforcing: true).0 == .refused)
    }
}
