import Testing
import Topology

@Suite("Processes that stand still")
struct StillnessTests {
    /// Looks every five seconds from `start` on, up to `end`; what was told at the last look.
    private func look(
        _ watch: inout StillnessWatch, from start: Int, to end: Int, _ sign: (Int) -> LifeSign
    ) -> Stillness? {
        var told: Stillness?
        for second in stride(from: start, through: end, by: 5) {
            told = watch.look(at: [7: sign(second)], now: .seconds(second))[7]
        }
        return told
    }

    private func sleeping(_ beat: Int64?) -> LifeSign { LifeSign(state: "S", beat: beat) }

    @Test("one that a signal has stopped is told at once, and since when, until it goes on", arguments: ["T", "t"])
    func stopped(state: Character) {
        var watch = StillnessWatch()
        #expect(look(&watch, from: 0, to: 10) { sleeping(Int64($0)) } == nil)
        let stop = look(&watch, from: 15, to: 30) { _ in LifeSign(state: state, beat: 10) }
        #expect(stop == Stillness(cause: state == "T" ? .stopped : .debugged, since: .seconds(15)))
        #expect(look(&watch, from: 35, to: 35) { sleeping(Int64($0)) } == nil)
    }

    @Test("one whose work loop goes round no more is told after a minute, and at which call it waits")
    func hangs() {
        var watch = StillnessWatch()
        #expect(look(&watch, from: 0, to: 60) { _ in sleeping(3) } == nil)
        #expect(look(&watch, from: 65, to: 65) { _ in sleeping(3) } == Stillness(cause: .hangs, since: .zero))
        let blocked = look(&watch, from: 70, to: 70) { _ in LifeSign(state: "D", beat: 3) }
        #expect(blocked == Stillness(cause: .blocked, since: .zero))
        #expect(look(&watch, from: 75, to: 75) { _ in sleeping(4) } == nil)
    }

    @Test("whatever time the beats say, backwards too, it is that they change which counts")
    func clock() {
        var watch = StillnessWatch()
        #expect(look(&watch, from: 0, to: 300) { sleeping(Int64(-$0) * 1000) } == nil)
        // The clock was set back by an hour and the loop hangs: its last beat lies in the future.
        #expect(look(&watch, from: 305, to: 370) { _ in sleeping(3_600_000) } != nil)
    }

    @Test("one that says nothing of its work loop is not blamed for it")
    func foreign() {
        var watch = StillnessWatch()
        #expect(look(&watch, from: 0, to: 600) { _ in sleeping(nil) } == nil)
    }

    @Test("a watch that was away itself, stopped or asleep with its machine, begins afresh")
    func away() {
        var watch = StillnessWatch()
        #expect(look(&watch, from: 0, to: 10) { _ in sleeping(1) } == nil)
        #expect(look(&watch, from: 3600, to: 3655) { _ in sleeping(1) } == nil)
        #expect(look(&watch, from: 3660, to: 3665) { _ in sleeping(1) } != nil)
    }

    @Test("the launcher keeps it until the process is another")
    func told() throws {
        let stages = try TwoStages()
        var supervision = stages.ready()
        func stillness() -> Stillness? { supervision.children.first { $0.stage == stages.encrypt }?.stillness }
        let still = Stillness(cause: .stopped, since: .seconds(3))
        _ = supervision.handle(.stillness(pid: 2, still), at: .seconds(3))
        #expect(stillness() == still)
        #expect(still.text(of: 2).contains("process 2 is stopped by a signal"))
        #expect(still.remedy(for: 2).contains("kill -CONT 2"))
        _ = supervision.handle(.stillness(pid: 99, nil), at: .seconds(4))
        #expect(stillness() == still)
        _ = supervision.handle(.ended(pid: 2, .signal(9)), at: .seconds(5))
        #expect(stillness() == nil)
    }
}
