import Federation
import Sodium
import StageKit
import Testing
import ZeroMQ

/// What comes to a hub's news are subscriptions, of peers that have a key.
@Suite("Subscriptions", .timeLimit(.minutes(3)))
struct SubscriptionLimitTests {
    /// A peer with a key that counts, and no library but libzmq.
    private final class Subscriber {
        private let socket: Socket
        private let watch: Socket

        /// - Parameter curve: its own keys and the hub's key; nil where nothing is encrypted.
        init(to endpoint: String, curve: (own: BoxKeyPair, server: [UInt8])?) throws {
            let context = try Context()
            socket = try Socket(.sub, in: context)
            watch = try Socket(.pair, in: context)
            try socket.set(.lingerMilliseconds(0))
            // It says all that it is told to.
            try socket.set(.sendHighWaterMark(messages: 0))
            // It does not come again (ZMQ_RECONNECT_IVL): the end of its one connection is the end.
            try socket.set(.reconnectMilliseconds(-1))
            if let (own, server) = curve {
                try own.secret.withUnsafeBytes {
                    try socket.dialCurve(server: server, publicKey: own.publicKey, secret: $0)
                }
            }
            try socket.monitor(on: "inproc://watch", events: SocketEvent.mask)
            try watch.connect("inproc://watch")
            try socket.connect(endpoint)
        }

        deinit { socket.stopMonitor() }

        func subscribe(_ topic: [UInt8]) throws { try socket.set(.subscribe(topic)) }

        /// The first of what its monitor tells that matches; nil after `seconds`.
        func event(within seconds: Int = 30, _ matches: (SocketEvent) -> Bool) async throws -> SocketEvent? {
            let began = ContinuousClock.now
            while began.duration(to: .now) < .seconds(seconds) {
                while let message = try watch.receive() {
                    let event = SocketEvent(message)
                    if matches(event) { return event }
                }
                try await Task.sleep(for: .milliseconds(10))
            }
            return nil
        }

        func isCutOff() async throws -> Bool {
            try await event { if case .disconnected = $0 { true } else { false } } != nil
        }

        /// Whether something comes under a topic that starts so, said again and again.
        func hears(_ topic: [UInt8], said say: () throws -> Void) async throws -> Bool {
            for _ in 0..<300 {
                try say()
                try await Task.sleep(for: .milliseconds(100))
                while let message = try socket.receive() { if message.frames.first == topic { return true } }
            }
            return false
        }
    }

    /// A hub, and north that dials it and goes on meanwhile.
    private struct Room {
        let office: Office
        let hub, north: Desk
        let news: String
        private let west: BoxKeyPair
        private let server: [UInt8]

        init() async throws {
            office = try Office()
            let ports = freePorts(2)
            hub = try Desk(office.hub(tcp: ports))
            north = try Desk(office.dialer(office.north, tcp: ports))
            news = "tcp://127.0.0.1:\(ports[1])"
            west = try #require(office.curve[office.west])
            server = try #require(office.curve[office.aggregate]).publicKey
            try await hub.joined(office.north)
        }

        func close() { for desk in [north, hub] { desk.post.stop() } }

        /// Somebody with west's key, whose handshake is over.
        func subscriber() async throws -> Subscriber {
            let made = try Subscriber(to: news, curve: (west, server))
            #expect(try await made.event { $0 == .handshakeSucceeded } != nil)
            return made
        }

        var refusals: Int {
            hub.events.count { if case .refused("west/encrypt", _) = $0 { true } else { false } }
        }

        func goesOn() async throws {
            try await north.hears(7, of: hub, WireMessage(.beat, from: office.aggregate, epoch: 1, sequence: 7))
            try await north.say(office.hello(from: office.north, epoch: 2), to: office.aggregate, until: hub)
            // West too, with what it may subscribe to: the control.
            let decent = try await subscriber()
            try decent.subscribe(Topic.all)
            try decent.subscribe(Topic.to(office.west))
            let beat = WireMessage(.beat, from: office.aggregate, epoch: 1, sequence: 8)
            for topic in [Topic.all, Topic.to(office.west)] {
                #expect(try await decent.hears(topic) { hub.post.publish(beat, topic: topic) })
            }
        }
    }

    private static let long = [UInt8](repeating: UInt8(ascii: "x"), count: 400)

    @Test("of what is not the peer's own end its connection, by name; the hub goes on")
    func foreign() async throws {
        let room = try await Room()
        defer { room.close() }
        for topic in [[], Array("a".utf8), Topic.to(room.office.north), Array(Self.long.prefix(200))] {
            let before = room.refusals
            let other = try await room.subscriber()
            try other.subscribe(topic)
            #expect(try await other.isCutOff(), "\(topic.count) bytes")
            try await room.hub.refusal("it subscribes to what is not its own")
            #expect(room.refusals > before)
        }
        try await room.goesOn()
    }

    @Test("longer than any topic end the connection before anybody reads them")
    func long() async throws {
        let room = try await Room()
        defer { room.close() }
        let other = try await room.subscriber()
        try other.subscribe(Self.long)
        #expect(try await other.isCutOff())
        try await room.goesOn()
        #expect(room.refusals == 0)
    }

    /// The control: it is these bounds that end the connection.
    @Test("as long as that, and of anything, are taken where nothing bounds them")
    func unbounded() async throws {
        let context = try Context()
        let news = try Socket(.xpub, in: context)
        let port = freePorts(1)[0]
        try news.bind("tcp://127.0.0.1:\(port)")
        let peer = try Subscriber(to: "tcp://127.0.0.1:\(port)", curve: nil)
        try peer.subscribe(Self.long)
        #expect(
            try await peer.hears(Self.long) {
                while try news.receive() != nil {}
                _ = try news.send([Self.long, [1]])
            })
    }

    /// A node of memory for each byte of each, were they kept.
    @Test("by the ten thousand are cut short")
    func flood() async throws {
        let room = try await Room()
        defer { room.close() }
        let other = try await room.subscriber()
        for number in 0..<20_000 { try other.subscribe(Array("\(number) ".utf8) + Self.long.prefix(200)) }
        #expect(try await other.isCutOff())
        try await room.goesOn()
    }
}
