import Federation
import Testing
import Topology

@Suite("What hinders stages, and since when")
struct StageTroubleTests {
    private let stages: TwoStages

    init() throws { stages = try TwoStages() }

    private func clock(_ text: String = "ahead") -> Supervision.Trouble {
        .init(kind: "clock", about: "release/publish", text: text)
    }

    private func encrypt(_ supervision: Supervision) throws -> Supervision.Child {
        try #require(supervision.children.first { $0.stage == stages.encrypt })
    }

    @Test("a trouble keeps the time at which it was first told, whatever else comes and goes, until it is told no more")
    func since() throws {
        var supervision = stages.ready()
        let version = Supervision.Trouble(kind: "version", about: "release/publish", text: "2")
        _ = supervision.handle(.troubles(pid: 2, [clock()]), at: .seconds(10))
        _ = supervision.handle(.troubles(pid: 2, [clock("behind"), version]), at: .seconds(20))
        #expect(try encrypt(supervision).troubles.map(\.since) == [.seconds(10), .seconds(20)])
        #expect(try encrypt(supervision).troubles.map(\.text) == ["behind", "2"])
        _ = supervision.handle(.troubles(pid: 2, [version]), at: .seconds(30))
        _ = supervision.handle(.troubles(pid: 2, [clock(), version]), at: .seconds(40))
        #expect(try encrypt(supervision).troubles.map(\.since) == [.seconds(40), .seconds(20)])
        _ = supervision.handle(.troubles(pid: 99, [clock()]), at: .seconds(50))
        #expect(supervision.children.first { $0.stage == stages.publish }?.troubles == [])
        _ = supervision.handle(.ended(pid: 2, .exit(5)), at: .seconds(60))
        #expect(try encrypt(supervision).troubles == [])
    }

    @Test("a stage lacks room from its first end for want of it until it is ready or ends for something else")
    func room() throws {
        var supervision = stages.ready()
        #expect(try encrypt(supervision).lackingRoomSince == nil)
        _ = supervision.handle(.ended(pid: 2, .exit(74), lacksRoom: true), at: .seconds(10))
        #expect(try encrypt(supervision).lackingRoomSince == .seconds(10))
        _ = supervision.handle(.tick, at: .seconds(20))
        _ = supervision.handle(.spawned(stages.encrypt, pid: 20), at: .seconds(20))
        #expect(try encrypt(supervision).lackingRoomSince == .seconds(10))
        _ = supervision.handle(.ended(pid: 20, .exit(74), lacksRoom: false), at: .seconds(21))
        #expect(try encrypt(supervision).lackingRoomSince == .seconds(10))
        _ = supervision.handle(.tick, at: .seconds(31))
        _ = supervision.handle(.spawned(stages.encrypt, pid: 21), at: .seconds(31))
        var other = supervision
        _ = other.handle(.ended(pid: 21, .exit(5)), at: .seconds(32))
        #expect(try encrypt(other).lackingRoomSince == nil)
        _ = supervision.handle(.ready(pid: 21), at: .seconds(32))
        #expect(try encrypt(supervision).lackingRoomSince == nil)
    }
}
