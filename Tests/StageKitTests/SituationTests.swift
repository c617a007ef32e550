import Federation
import StageKit
import Testing

@Suite("What a stage says of itself")
struct SituationTests {
    private let start = ContinuousClock.now
    private let publish: StageName
    private let encrypt: StageName

    init() throws {
        publish = try StageName("office/publish")
        encrypt = try StageName("north/encrypt")
    }

    @Test("A change is told once, a long wait again and again but less and less often, and work is never complained of")
    func watch() {
        var watch = SituationWatch(start)
        let waiting = Situation.waiting(for: [publish], "no round is open")
        func step(_ situation: Situation, _ seconds: Int) -> SituationWatch.News {
            watch.step(situation, start + .seconds(seconds))
        }
        #expect(step(waiting, 0) == .init(changed: waiting))
        #expect(step(waiting, 59) == .init())
        #expect(step(waiting, 60) == .init(waited: .seconds(60)))
        #expect(step(waiting, 119) == .init())
        #expect(step(waiting, 120) == .init(waited: .seconds(120)))
        #expect(step(.working("training"), 121) == .init(changed: .working("training")))
        #expect(step(.working("training"), 4000) == .init())
        #expect(step(waiting, 4001) == .init(changed: waiting))
        #expect(step(waiting, 4060) == .init())
        #expect(waiting.text == "waiting for office/publish: no round is open")
    }

    @Test(
        "A hub that is not reached explains the wait once it has been gone for long, with its reason, until it is back")
    func links() {
        var links = LinkWatch([publish, encrypt], now: start)
        #expect(links.situation(start + .seconds(2)) == nil)
        #expect(
            links.situation(start + .seconds(3))
                == .waiting(
                    for: [encrypt, publish], "no connection to north/encrypt; `tributary doctor` finds out why"))
        links.connected(encrypt)
        links.connected(publish)
        #expect(links.situation(start + .seconds(9)) == nil)
        links.refused(publish, "it does not admit this stage's key", start + .seconds(10))
        links.lost(publish, start + .seconds(12))
        #expect(links.situation(start + .seconds(12)) == nil)
        #expect(
            links.situation(start + .seconds(13))
                == .waiting(for: [publish], "it does not admit this stage's key"))
        links.connected(publish)
        #expect(links.situation(start + .seconds(99)) == nil)
    }

    @Test("Clocks are compared by the message that was fastest, and only after several")
    func clocks() {
        var comparison = ClockComparison()
        let theirs: UInt64 = 1_000_000
        var answers: [Duration?] = []
        // The peer's clock is 10 s ahead; its beats take 50 ms to 8 s.
        for way in [8_000, 300, 50, 4_000, 900] as [UInt64] {
            answers.append(comparison.heard(theirs + 10_000, at: theirs + way))
        }
        #expect(answers == [nil, nil, nil, nil, .milliseconds(9_950)])
        for _ in 0..<4 { _ = comparison.heard(theirs, at: theirs) }
        #expect(comparison.heard(theirs, at: theirs) == .zero)
        // Whatever a hostile peer says is a number like any other.
        for _ in 0..<4 { _ = comparison.heard(.max, at: 0) }
        #expect(comparison.heard(.max, at: 0) == .milliseconds(Int64(1) << 54))
    }

    @Test("A beat may tell the time, and need not")
    func beats() throws {
        let time: UInt64 = 0x0102_0304_0506_0708
        let beat = WireMessage(.beat, from: publish, epoch: 1, document: WireMessage.beatDocument(time: time))
        #expect(beat.document == [1, 2, 3, 4, 5, 6, 7, 8])
        #expect(try WireMessage(frames: beat.frames).time == time)
        #expect(WireMessage(.beat, from: publish, epoch: 1).time == nil)
        #expect(WireMessage(.beat, from: publish, epoch: 1, document: [1, 2, 3]).time == nil)
        #expect(WireMessage(.hello, from: publish, epoch: 1, document: beat.document).time == nil)
    }
}
