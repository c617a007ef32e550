import Federation
import Testing
import Topology

@Suite("Stages whose disk is full")
struct RoomTests {
    private let stages: TwoStages

    init() throws { stages = try TwoStages() }

    private var encrypt: StageName { stages.encrypt }

    /// How the launcher saw the process end.
    struct End: Sendable, CustomTestStringConvertible {
        let end: ProcessEnd
        let lacksRoom: Bool
        var testDescription: String { "\(end), \(lacksRoom ? "no room" : "room")" }

        static let forWantOfRoom = [
            End(end: .exit(74), lacksRoom: false), End(end: .exit(74), lacksRoom: true),
            End(end: .exit(5), lacksRoom: true), End(end: .exit(78), lacksRoom: true),
            End(end: .signal(7), lacksRoom: true),
        ]
        static let counted = [End(end: .exit(5), lacksRoom: false), End(end: .signal(7), lacksRoom: false)]
        static let final =
            [Int32(1), 2, 4].map { End(end: .exit($0), lacksRoom: true) } + [
                End(end: .exit(78), lacksRoom: false)
            ]
    }

    /// Ends encrypt's process and starts it again, so many times; what the launcher did at each end. Its process is then
    /// `100 + times`.
    private func end(_ supervision: inout Supervision, _ times: Int, _ end: End) -> [[Supervision.Action]] {
        var pid = supervision.children.first { $0.stage == encrypt }?.pid ?? 0
        return (1...times).map { time in
            let now = Duration.seconds(100 * time)
            let actions = supervision.handle(.ended(pid: pid, end.end, lacksRoom: end.lacksRoom), at: now)
            guard let next = supervision.nextDeadline else { return actions }
            if supervision.handle(.tick, at: next).contains(.spawn(encrypt)) {
                pid = Int32(100 + time)
                _ = supervision.handle(.spawned(encrypt, pid: pid), at: next)
            }
            return actions
        }
    }

    @Test("an end for want of room never counts: tried every 10 s, said once", arguments: End.forWantOfRoom)
    func neverGivenUp(_ end: End) {
        var supervision = stages.ready()
        let actions = self.end(&supervision, 50, end)
        #expect(actions.first == [.show(.wantsRoom(encrypt, end.end))])
        #expect(actions.dropFirst().allSatisfy { $0.isEmpty })
        #expect(supervision.children.first { $0.stage == encrypt }?.restarts == 50)
        #expect(!supervision.isStopping)
        _ = supervision.handle(.ended(pid: 150, end.end, lacksRoom: end.lacksRoom), at: .seconds(6000))
        #expect(supervision.nextDeadline == .seconds(6010))
    }

    @Test("the same ends count where there is room", arguments: End.counted)
    func counted(_ end: End) {
        var supervision = stages.ready()
        let actions = self.end(&supervision, 12, end)
        #expect(actions[10] == [.show(.restarting(encrypt, end.end, wait: .seconds(10)))])
        #expect(actions[11] == [.show(.resting(encrypt, end.end, count: 12, wait: .seconds(300)))])
        #expect(!supervision.isStopping)
    }

    @Test(
        "a failed run or wrong arguments are final on a full disk too, a wrong configuration where there is room",
        arguments: End.final)
    func final(_ end: End) {
        var supervision = stages.ready()
        let actions = supervision.handle(.ended(pid: 2, end.end, lacksRoom: end.lacksRoom), at: .seconds(1))
        #expect(actions == [.show(.parked(encrypt, end.end))])
    }

    @Test("ends for want of room neither add to the count of others nor start it afresh")
    func between() {
        var supervision = stages.ready()
        _ = end(&supervision, 6, End.counted[0])
        _ = end(&supervision, 20, End.forWantOfRoom[0])
        let actions = end(&supervision, 6, End.counted[0])
        #expect(actions[4] == [.show(.restarting(encrypt, .exit(5), wait: .seconds(10)))])
        #expect(actions[5] == [.show(.resting(encrypt, .exit(5), count: 12, wait: .seconds(300)))])
    }

    @Test("a stage is started as soon as there is room, and one that waits for something else is not")
    func room() {
        var supervision = stages.ready()
        _ = supervision.handle(.ended(pid: 2, .exit(5), lacksRoom: true), at: .seconds(1))
        _ = supervision.handle(.ended(pid: 1, .signal(9), lacksRoom: false), at: .seconds(1))
        #expect(supervision.stagesWithoutRoom == [encrypt])
        #expect(supervision.handle(.room(stages.publish), at: .seconds(1)) == [])
        #expect(supervision.handle(.room(encrypt), at: .seconds(2)) == [.spawn(encrypt)])
        #expect(supervision.stagesWithoutRoom == [])
        #expect(supervision.handle(.room(encrypt), at: .seconds(2)) == [])
    }

    @Test("where the stage alone knows that there is no room, looking at the disk starts nothing before its time")
    func quota() {
        var supervision = stages.ready()
        _ = supervision.handle(.ended(pid: 2, .exit(74), lacksRoom: false), at: .seconds(1))
        #expect(supervision.stagesWithoutRoom == [])
        #expect(supervision.handle(.room(encrypt), at: .seconds(2)) == [])
        #expect(supervision.nextDeadline == .seconds(11))
    }

    @Test("it is said again after the stage was ready in between")
    func saidAgain() {
        var supervision = stages.ready()
        _ = supervision.handle(.ended(pid: 2, .exit(74), lacksRoom: true), at: .seconds(1))
        _ = supervision.handle(.room(encrypt), at: .seconds(2))
        _ = supervision.handle(.spawned(encrypt, pid: 20), at: .seconds(2))
        #expect(
            supervision.handle(.ready(pid: 20), at: .seconds(3)) == [.show(.recovered(encrypt, .seconds(1)))])
        #expect(
            supervision.handle(.ended(pid: 20, .exit(74), lacksRoom: true), at: .seconds(4)) == [
                .show(.wantsRoom(encrypt, .exit(74)))
            ])
    }

    @Test("a stage that waits for room is not started when all stop")
    func stopped() {
        var supervision = stages.ready()
        _ = supervision.handle(.ended(pid: 2, .exit(74), lacksRoom: true), at: .seconds(1))
        _ = supervision.handle(.stop, at: .seconds(2))
        #expect(supervision.stagesWithoutRoom == [])
        #expect(supervision.handle(.room(encrypt), at: .seconds(3)) == [])
    }
}
