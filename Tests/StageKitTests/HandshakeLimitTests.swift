import Federation
import Glibc
import StageKit
import Testing
import ZeroMQ

@Suite("A handshake that does not end", .timeLimit(.minutes(3)))
struct HandshakeLimitTests {
    private enum Manner: CaseIterable {
        case saysNothing, halfAGreeting, noMoreThanTheGreeting
        /// A byte every 200 ms: a greeting would take 13 s.
        case dribbles

        var opening: ArraySlice<UInt8> {
            switch self {
            case .saysNothing, .dribbles: []
            case .halfAGreeting: RawPeer.greeting.prefix(30)
            case .noMoreThanTheGreeting: RawPeer.greeting[...]
            }
        }
    }

    /// What a hub has by docs/protocol.md.
    private static let limit = Duration.seconds(5)

    @Test("is ended after five seconds, at work and at news, however the peer draws it out; who is honest goes on")
    func hub() async throws {
        let office = try Office()
        let ports = freePorts(2)
        let hub = try Desk(office.hub(tcp: ports))
        let north = try Desk(office.dialer(office.north, tcp: ports))
        defer { for desk in [north, hub] { desk.post.stop() } }
        try await hub.joined(office.north)
        var open: [(manner: Manner, port: Int, peer: RawPeer, said: Int)] = []
        for manner in Manner.allCases {
            for port in ports {
                let peer = try RawPeer(port: port)
                peer.send(manner.opening)
                open.append((manner, port, peer, manner.opening.count))
            }
        }
        // While they are at it, somebody new comes in.
        let west = try Desk(office.dialer(office.west, tcp: ports))
        defer { west.post.stop() }
        try await hub.joined(office.west)
        let began = ContinuousClock.now
        while !open.isEmpty, began.duration(to: .now) < .seconds(60) {
            try await Task.sleep(for: .milliseconds(50))
            for index in open.indices where open[index].manner == .dribbles {
                let each = open[index]
                let due = min(Int(each.peer.began.duration(to: .now) / .milliseconds(200)), RawPeer.greeting.count)
                if due > each.said {
                    each.peer.send(RawPeer.greeting[each.said..<due])
                    open[index].said = due
                }
            }
            open.removeAll { each in
                guard each.peer.isOver else { return false }
                // Not before: a bound on something else would have cut it off.
                let lasted = each.peer.began.duration(to: .now)
                #expect(lasted >= Self.limit - .milliseconds(500), "\(each.manner) at port \(each.port)")
                return true
            }
        }
        #expect(open.map(\.manner).isEmpty, "still connected after a minute")
        try await hub.first("word of an end at work") { event in
            if case .left(let peer) = event { peer.hasPrefix("127.0.0.1:") } else { false }
        }
        let beat = WireMessage(.beat, from: office.aggregate, epoch: 1, sequence: 7)
        try await north.hears(7, of: hub, beat)
        try await north.say(office.hello(from: office.north, epoch: 2), to: office.aggregate, until: hub)
    }

    /// The control: it is the limit that ends it, and nothing else.
    @Test("goes on for ever where the limit is off, and ends when the limit says")
    func control() async throws {
        let ports = freePorts(2)
        let context = try Context()
        let limited = try Socket(.pull, in: context)
        let unlimited = try Socket(.pull, in: context)
        try limited.set(.handshakeMilliseconds(1_000))
        try unlimited.set(.handshakeMilliseconds(0))
        try limited.bind("tcp://127.0.0.1:\(ports[0])")
        try unlimited.bind("tcp://127.0.0.1:\(ports[1])")
        // Dialled first, so that it is the older one.
        let kept = try RawPeer(port: ports[1])
        let ended = try RawPeer(port: ports[0])
        while !ended.isOver, ended.began.duration(to: .now) < .seconds(60) {
            try await Task.sleep(for: .milliseconds(20))
        }
        #expect(ended.isOver)
        #expect(!kept.isOver)
    }
}
