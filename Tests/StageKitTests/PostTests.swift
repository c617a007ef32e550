import Federation
import Sodium
import StageKit
import Testing
import ZeroMQ

@Suite("The post", .timeLimit(.minutes(2)))
struct PostTests {
    /// In clear over ipc, and over tcp with CURVE.
    enum Transport: CaseIterable {
        case ipc, curve
        var ports: [Int]? { self == .curve ? freePorts(2) : nil }
    }

    @Test(
        "Work goes to the hub, news to whom they are meant for, and the hub hears who listens",
        arguments: Transport.allCases)
    func bothWays(transport: Transport) async throws {
        let office = try Office()
        let ports = transport.ports
        let hub = try Desk(office.hub(tcp: ports))
        let north = try Desk(office.dialer(office.north, tcp: ports))
        let west = try Desk(office.dialer(office.west, tcp: ports))
        defer { for desk in [north, west, hub] { desk.post.stop() } }
        north.post.push(office.hello(from: office.north), to: office.aggregate)
        try await hub.message("hello of north") { $0.sender == office.north }
        try await hub.joined(office.north)
        try await hub.joined(office.west)
        hub.post.publish(WireMessage(.beat, from: office.aggregate, epoch: 1, sequence: 1), topic: Topic.all)
        hub.post.publish(
            WireMessage(.beat, from: office.aggregate, epoch: 1, sequence: 2), topic: Topic.to(office.north))
        hub.post.publish(WireMessage(.beat, from: office.aggregate, epoch: 1, sequence: 3), topic: Topic.all)
        for desk in [north, west] { try await desk.message("the last beat") { $0.sequence == 3 } }
        #expect(north.messages.map(\.sequence) == [1, 2, 3])
        #expect(west.messages.map(\.sequence) == [1, 3])
    }

    @Test("Who comes later is heard too, and a hub that comes later is found", arguments: Transport.allCases)
    func late(transport: Transport) async throws {
        let office = try Office()
        let ports = transport.ports
        let north = try Desk(office.dialer(office.north, tcp: ports))
        north.post.push(office.hello(from: office.north), to: office.aggregate)
        let hub = try Desk(office.hub(tcp: ports))
        try await hub.message("hello of north") { $0.sender == office.north }
        let west = try Desk(office.dialer(office.west, tcp: ports))
        try await hub.joined(office.west)
        // A second listener of a topic that has one already.
        let again = try Desk(office.dialer(office.north, tcp: ports))
        defer { for desk in [north, west, again, hub] { desk.post.stop() } }
        again.post.push(office.hello(from: office.north, epoch: 2), to: office.aggregate)
        try await hub.message("the second hello") { $0.epoch == 2 }
    }

    @Test("A key that is not in the federation's does not get in, and the hub says so and goes on")
    func stranger() async throws {
        let office = try Office()
        let ports = freePorts(2)
        let hub = try Desk(office.hub(tcp: ports, admitting: [office.north]))
        // The same stage with the same key is let in where it is admitted.
        let control = try Office()
        let controlPorts = freePorts(2)
        let open = try Desk(control.hub(tcp: controlPorts, admitting: [control.north, control.west]))
        let welcome = try Desk(control.dialer(control.west, tcp: controlPorts))
        welcome.post.push(control.hello(from: control.west), to: control.aggregate)
        try await open.message("hello of west") { $0.sender == control.west }

        let stranger = try Desk(office.dialer(office.west, tcp: ports))
        stranger.post.push(office.hello(from: office.west), to: office.aggregate)
        let event = try await hub.first("a refused handshake") { if case .handshake = $0 { true } else { false } }
        guard case .handshake(_, let cause, let reason) = event else { return }
        #expect(cause == .unknownKey && reason.contains("not in this federation's keys"))
        try await stranger.first("word of it") { event in
            if case .unwelcome(office.aggregate, let cause, let reason) = event {
                cause == .notAdmitted && reason.contains("does not admit this stage's key")
            } else {
                false
            }
        }
        let north = try Desk(office.dialer(office.north, tcp: ports))
        defer { for desk in [stranger, north, welcome, hub, open] { desk.post.stop() } }
        north.post.push(office.hello(from: office.north), to: office.aggregate)
        try await hub.message("hello of north") { $0.sender == office.north }
        #expect(!hub.messages.contains { $0.sender == office.west })
    }

    @Test("A hub with another key than the topology's is not talked to")
    func impostor() async throws {
        let office = try Office()
        let ports = freePorts(2)
        let hub = try Desk(office.hub(tcp: ports))
        let north = try Desk(office.dialer(office.north, tcp: ports, server: try BoxKeyPair().publicKey))
        defer { for desk in [north, hub] { desk.post.stop() } }
        north.post.push(office.hello(from: office.north), to: office.aggregate)
        try await north.first("a failed handshake") {
            if case .unwelcome(_, .failed, _) = $0 { true } else { false }
        }
        let west = try Desk(office.dialer(office.west, tcp: ports))
        defer { west.post.stop() }
        west.post.push(office.hello(from: office.west), to: office.aggregate)
        try await hub.message("hello of west") { $0.sender == office.west }
        #expect(!hub.messages.contains { $0.sender == office.north })
    }

    @Test("Over CURVE a stage speaks for itself alone, whatever its messages say")
    func otherName() async throws {
        let office = try Office()
        let ports = freePorts(2)
        let hub = try Desk(office.hub(tcp: ports))
        let north = try Desk(office.dialer(office.north, tcp: ports))
        defer { for desk in [north, hub] { desk.post.stop() } }
        north.post.push(office.hello(from: office.north), to: office.aggregate)
        try await hub.message("hello of north") { $0.sender == office.north }
        north.post.push(office.hello(from: office.west), to: office.aggregate)
        try await hub.refusal("says west/encrypt, its key is north/encrypt's")
        north.post.push(office.hello(from: office.north, epoch: 2), to: office.aggregate)
        try await hub.message("the next hello") { $0.epoch == 2 }
        #expect(!hub.messages.contains { $0.sender == office.west })
    }

    @Test("A stage that has no business with a hub is refused")
    func noBusiness() async throws {
        let office = try Office()
        let hub = try Desk(office.hub(admitting: [office.north]))
        let west = try Desk(office.dialer(office.west))
        let north = try Desk(office.dialer(office.north))
        defer { for desk in [north, west, hub] { desk.post.stop() } }
        north.post.push(office.hello(from: office.north), to: office.aggregate)
        try await hub.message("hello of north") { $0.sender == office.north }
        west.post.push(office.hello(from: office.west), to: office.aggregate)
        try await hub.refusal("west/encrypt has no business here")
    }

    @Test("Frames that are no message are refused one by one, with the reason, and the post goes on")
    func spoiledFrames() async throws {
        let office = try Office()
        let hub = try Desk(office.hub())
        defer { hub.post.stop() }
        let good = office.hello(from: office.north).frames
        let wrongVersion = [good[0].map { $0 }].map { envelope -> [UInt8] in
            // {"v": 1, ...}: the number follows the key.
            var envelope = envelope
            if let place = envelope.firstIndex(of: UInt8(ascii: "v")) { envelope[place + 1] = 2 }
            return envelope
        }[0]
        let cases: [(frames: [[UInt8]], reason: String)] = [
            ([[0xc1], [], [], []], "0xc1"), ([[], [], [], []], "ends in the middle"),
            ([good[0]], "expected 4 frames, found 1"),
            (good + [[]], "expected 4 frames, found 5"),
            ([wrongVersion, [], [], []], "protocol version 2 is not spoken here"),
            ([good[0], [], [], [UInt8](repeating: 1, count: Offer.chunkBytes + 1)], "too long"),
            ([[UInt8](repeating: 0x91, count: 1000), [], [], []], "nested deeper"),
            ([[0xdf, 0xff, 0xff, 0xff, 0xff], [], [], []], "ends in the middle"),
            ([[UInt8]](repeating: [1], count: 100), "expected 4 frames"),
        ]
        // Its own thread: a socket stays where it is made.
        let sender = RawSender(endpoint: office.ipc.work)
        try sender.send(good)
        try await hub.message("hello of north") { $0.sender == office.north }
        for (index, spoiled) in cases.enumerated() {
            try sender.send(spoiled.frames)
            try await hub.refusal(spoiled.reason)
            try sender.send(office.hello(from: office.north, epoch: UInt64(index) + 10).frames)
            try await hub.message("hello after \(spoiled.reason)") { $0.epoch == UInt64(index) + 10 }
        }
        // One of them was of another version, and that is told beside the refusal.
        let others = hub.events.compactMap {
            if case .otherVersion(let peer, let found) = $0 { (peer, found) } else { nil }
        }
        #expect(others.count == 1 && others.first?.0 == "ipc" && others.first?.1 == 2)
    }

    @Test("A frame beyond the protocol's largest is not even received; others go on")
    func oversized() async throws {
        let office = try Office()
        let hub = try Desk(office.hub())
        let west = try Desk(office.dialer(office.west))
        defer { for desk in [west, hub] { desk.post.stop() } }
        let good = office.hello(from: office.north).frames
        let sender = RawSender(endpoint: office.ipc.work)
        try sender.send(good)
        try await hub.message("hello of north") { $0.sender == office.north }
        try sender.send([good[0], [UInt8](repeating: 0, count: WireMessage.maximumFrameBytes + 1), [], []])
        west.post.push(office.hello(from: office.west), to: office.aggregate)
        try await hub.message("hello of west") { $0.sender == office.west }
        // A new connection of the same peer is as good as the first.
        let next = RawSender(endpoint: office.ipc.work)
        try next.send(office.hello(from: office.north, epoch: 2).frames)
        try await hub.message("the next hello of north") { $0.epoch == 2 }
        #expect(!hub.messages.contains { !$0.document.isEmpty })
        // The hub knows whose connection that was.
        try await hub.first("north's end") { if case .left("north/encrypt") = $0 { true } else { false } }
    }

    @Test("A document beyond what a hub takes is refused by its sender's name, if its frame is not far beyond")
    func longDocument() async throws {
        let office = try Office()
        let ports = freePorts(2)
        let hub = try Desk(office.hub(tcp: ports))
        let north = try Desk(office.dialer(office.north, tcp: ports))
        defer { for desk in [north, hub] { desk.post.stop() } }
        func document(_ count: Int) -> WireMessage {
            WireMessage(.receipt, from: office.north, epoch: 1, document: [UInt8](repeating: 1, count: count))
        }
        north.post.push(document(WireMessage.workDocumentBytes), to: office.aggregate)
        try await hub.message("the largest") { $0.document.count == WireMessage.workDocumentBytes }
        for count in [WireMessage.workDocumentBytes + 1, WireMessage.maximumWorkFrameBytes] {
            north.post.push(document(count), to: office.aggregate)
            try await hub.first("refusal of \(count)") { event in
                if case .refused("north/encrypt", let reason) = event {
                    reason.contains("a document of \(count) bytes")
                } else {
                    false
                }
            }
        }
        // Beyond that the connection is cut. It had spoken, so the hub can say whose it was.
        north.post.push(document(WireMessage.maximumWorkFrameBytes + 65), to: office.aggregate)
        try await hub.first("the cut") { if case .left("north/encrypt") = $0 { true } else { false } }
        // Said again until it comes: the first may go the way of the connection that is being cut.
        for attempt in 1... {
            north.post.push(office.hello(from: office.north, epoch: 9), to: office.aggregate)
            do {
                try await hub.first("the next hello", within: 1) {
                    if case .message(let message) = $0 { message.epoch == 9 } else { false }
                }
                break
            } catch let error as Desk.Nothing { if attempt == 60 { throw error } }
        }
    }

    @Test("A connection that ends before it has said anything is told of by its address")
    func silentPeer() async throws {
        let office = try Office()
        let ports = freePorts(2)
        let hub = try Desk(office.hub(tcp: ports))
        defer { hub.post.stop() }
        do {
            let north = try Desk(office.dialer(office.north, tcp: ports))
            try await hub.joined(office.north)
            north.post.stop()
        }
        try await hub.first("its end") { event in
            if case .left(let peer) = event { peer.hasPrefix("127.0.0.1:") } else { false }
        }
    }

    @Test("A full inbox leaves the socket unread; nothing is lost when there is room again", arguments: [0, 64 << 10])
    func backPressure(bulk: Int) async throws {
        // On a machine that stands still for ten seconds a connection breaks off, and takes what is on its way with it.
        for _ in 0..<5 {
            if try await fillsInbox(bulk: bulk) { return }
        }
        Issue.record("the connection broke off every time")
    }

    /// False where the connection broke off meanwhile: then nothing can be said.
    private func fillsInbox(bulk: Int) async throws -> Bool {
        let office = try Office()
        let inbox = 1 << 20
        let count = bulk == 0 ? 20_000 : 300
        let hub = try Desk(office.hub(inbox: inbox), handles: false)
        let north = try Desk(office.dialer(office.north))
        defer { for desk in [north, hub] { desk.post.stop() } }
        var isWhole: Bool {
            !hub.events.contains { if case .left = $0 { true } else { false } }
                && !north.events.contains { if case .disconnected = $0 { true } else { false } }
        }
        let contents = [UInt8](repeating: 7, count: bulk)
        for index in 0..<count {
            north.post.push(
                WireMessage(.hello, from: office.north, epoch: UInt64(index), bulk: contents), to: office.aggregate)
        }
        try await hub.quiet(turns: 4)
        let held = hub.messages.count
        #expect(held > 0)
        #expect(held < count)
        #expect(held * (bulk + 256) < 2 * inbox)
        hub.handleAll()
        do { try await hub.message("the last one") { $0.epoch == UInt64(count - 1) } } catch let error as Desk.Nothing {
            guard !isWhole else { throw error }
            return false
        }
        guard isWhole else { return false }
        #expect(hub.messages.map(\.epoch) == (0..<UInt64(count)).map { $0 })
        return true
    }

    @Test("A port that is taken is an error with its address, not a silent post")
    func portTaken() throws {
        let office = try Office()
        let ports = freePorts(2)
        let hub = try Desk(office.hub(tcp: ports))
        defer { hub.post.stop() }
        let error = #expect(throws: (any Error).self) { try Post(try office.hub(tcp: ports)) }
        #expect("\(error.map { "\($0)" } ?? "")".contains("127.0.0.1:\(ports[0])"))
    }
}

/// Sends frames as they are, from the thread of the call.
final class RawSender {
    private let socket: Socket

    init(endpoint: String) {
        do {
            socket = try Socket(.push, in: Context())
            try socket.set(.lingerMilliseconds(0))
            try socket.set(.immediate(true))
            try socket.connect(endpoint)
        } catch { preconditionFailure("\(error)") }
    }

    func send(_ frames: [[UInt8]]) throws {
        while try !socket.send(frames) {
            var items = [PollItem(socket, forInput: false, forOutput: true)]
            try poll(&items, milliseconds: 1000)
        }
    }
}
