import Federation
import Keys
import Sodium
import StageKit
import Testing
import Topology

/// A hub and two clouds that dial it over CURVE, with their keys in a folder, as stages have them.
private struct KeptOffice {
    let folder: Folder
    let store: KeyStore
    let aggregate: StageName
    let north: StageName
    let west: StageName
    let ports = freePorts(2)

    init() throws {
        folder = try Folder()
        store = KeyStore(root: "\(folder.path)/keys")
        aggregate = try StageName("office/aggregate")
        north = try StageName("north/encrypt")
        west = try StageName("west/encrypt")
        for stage in [aggregate, north, west] { try store.generate(for: stage) }
    }

    private func plan(
        _ stage: StageName, hub: PostPlan.Hub?, dials: [PostPlan.Dial], key: Int?,
        limits: Topology.PeerLimits = .init()
    ) throws -> PostPlan {
        let number = try key ?? store.currentKeys(of: stage)
        return PostPlan(
            stage: stage, hub: hub, dials: dials, curvePublic: try store.card(of: stage, number: number).curve,
            curveSecret: try store.curveSecret(of: stage, number: number), keyring: try Keyring(store),
            peerLimits: limits)
    }

    func hub(key: Int? = nil, limits: Topology.PeerLimits = .init()) throws -> PostPlan {
        let hub = PostPlan.Hub(
            work: "tcp://127.0.0.1:\(ports[0])", news: "tcp://127.0.0.1:\(ports[1])", admitted: [:],
            peers: [north, west])
        return try plan(aggregate, hub: hub, dials: [], key: key, limits: limits)
    }

    func dialer(_ stage: StageName, key: Int? = nil) throws -> PostPlan {
        let dial = PostPlan.Dial(
            hub: aggregate, work: "tcp://127.0.0.1:\(ports[0])", news: "tcp://127.0.0.1:\(ports[1])",
            serverKey: try store.card(of: aggregate).curve)
        return try plan(stage, hub: nil, dials: [dial], key: key)
    }

    func hello(_ stage: StageName, _ epoch: UInt64) -> WireMessage { WireMessage(.hello, from: stage, epoch: epoch) }
    func beat(_ sequence: UInt64) -> WireMessage {
        WireMessage(.beat, from: aggregate, epoch: 1, sequence: sequence)
    }
}

extension Desk {
    fileprivate func keysChanged() async throws {
        try await first("a change of keys") { if case .keysChanged = $0 { true } else { false } }
    }
}

@Suite("Keys that change while a post runs", .timeLimit(.minutes(3)))
struct RevocationTests {
    @Test("A revoked key is cut off and does not get in again; others go on, and a new key of the same stage gets in")
    func revoked() async throws {
        let office = try KeptOffice()
        let hub = try Desk(office.hub())
        let (north, west) = (try Desk(office.dialer(office.north)), try Desk(office.dialer(office.west)))
        defer { for desk in [north, west, hub] { desk.post.stop() } }
        try await north.say(office.hello(office.north, 1), to: office.aggregate, until: hub)
        try await west.say(office.hello(office.west, 1), to: office.aggregate, until: hub)
        try await north.hears(1, of: hub, office.beat(1))

        try office.store.revoke(try office.store.card(of: office.north), reason: "stolen")
        try await hub.keysChanged()
        north.post.push(office.hello(office.north, 2), to: office.aggregate)
        try await hub.first("the refusal") { event in
            switch event {
            case .handshake(_, _, let reason), .refused(_, let reason):
                reason.contains("of north/encrypt is revoked: stolen")
            default: false
            }
        }
        // Neither is it heard, nor does it hear.
        try await west.say(office.hello(office.west, 2), to: office.aggregate, until: hub)
        try await west.hears(2, of: hub, office.beat(2))
        #expect(!hub.messages.contains { $0.sender == office.north && $0.epoch == 2 })
        #expect(!north.messages.contains { $0.sequence == 2 })

        #expect(try office.store.renew(office.north) == 2)
        let renewed = try Desk(office.dialer(office.north))
        defer { renewed.post.stop() }
        try await renewed.say(office.hello(office.north, 3), to: office.aggregate, until: hub)
        try await renewed.hears(3, of: hub, office.beat(3))
        #expect(!hub.messages.contains { $0.sender == office.north && $0.epoch == 2 })
    }

    @Test("While keys are rotated both get in; when the old one is revoked the new one stays connected")
    func rotated() async throws {
        let office = try KeptOffice()
        let hub = try Desk(office.hub())
        let old = try Desk(office.dialer(office.north))
        try await old.say(office.hello(office.north, 1), to: office.aggregate, until: hub)
        #expect(try office.store.renew(office.north) == 2)
        try await hub.keysChanged()
        let new = try Desk(office.dialer(office.north))
        defer { for desk in [old, new, hub] { desk.post.stop() } }
        try await new.say(office.hello(office.north, 2), to: office.aggregate, until: hub)
        try await old.say(office.hello(office.north, 3), to: office.aggregate, until: hub)
        try office.store.revoke(try office.store.card(of: office.north), reason: "rotated")
        try await hub.first("the end of the old one") { event in
            if case .handshake(_, .revokedKey, let reason) = event {
                reason.contains("is revoked: rotated")
            } else {
                false
            }
        }
        try await new.say(office.hello(office.north, 4), to: office.aggregate, until: hub)
    }

    @Test("A hub that comes back with its new key is found; with its keys revoked it is not listened to any more")
    func hubRotated() async throws {
        let office = try KeptOffice()
        let north = try Desk(office.dialer(office.north))
        defer { north.post.stop() }
        do {
            let hub = try Desk(office.hub())
            try await north.say(office.hello(office.north, 1), to: office.aggregate, until: hub)
            hub.post.stop()
        }
        #expect(try office.store.renew(office.aggregate) == 2)
        do {
            let hub = try Desk(office.hub())
            try await north.say(office.hello(office.north, 2), to: office.aggregate, until: hub)
            try await north.hears(2, of: hub, office.beat(2))
            try office.store.revoke(try office.store.card(of: office.aggregate), reason: "rotated")
            try await north.first("the change") { event in
                if case .keysChanged(let change) = event { !change.removed.isEmpty } else { false }
            }
            try await north.say(office.hello(office.north, 3), to: office.aggregate, until: hub)
            try office.store.revoke(try office.store.card(of: office.aggregate, number: 2), reason: "stolen")
            try await north.first("the second change") { event in
                if case .keysChanged(let change) = event {
                    change.revoked.contains { $0.reason == "stolen" }
                } else {
                    false
                }
            }
            hub.post.publish(office.beat(9), topic: Topic.all)
            try await north.quiet(turns: 5)
            #expect(!north.messages.contains { $0.sequence == 9 })
            hub.post.stop()
        }
    }

    @Test("Who sends more than it may goes unread, by name and with numbers; others are heard, and it again later")
    func overLimit() async throws {
        let office = try KeptOffice()
        let hub = try Desk(office.hub(limits: Topology.PeerLimits(messages: 100, bytes: 64 << 20)))
        let (north, west) = (try Desk(office.dialer(office.north)), try Desk(office.dialer(office.west)))
        defer { for desk in [north, west, hub] { desk.post.stop() } }
        try await west.say(office.hello(office.west, 1), to: office.aggregate, until: hub)
        // The control: this many are within bounds.
        for epoch in 1...50 { north.post.push(office.hello(office.north, UInt64(epoch)), to: office.aggregate) }
        try await hub.message("the fiftieth") { $0.sender == office.north && $0.epoch == 50 }
        for epoch in 100..<5100 { north.post.push(office.hello(office.north, UInt64(epoch)), to: office.aggregate) }
        try await hub.first("word of it") { event in
            if case .overLimit(let stage, _) = event { stage == office.north } else { false }
        }
        try await west.say(office.hello(office.west, 2), to: office.aggregate, until: hub)
        try await north.say(office.hello(office.north, 9999), to: office.aggregate, until: hub)
        #expect(hub.messages.count { $0.sender == office.north } < 5050)
    }
}
