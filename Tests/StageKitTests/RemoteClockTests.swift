import StageKit
import Testing

@Suite("Publish's clock, as another host knows it")
struct RemoteClockTests {
    private let start = ContinuousClock.now

    @Test("goes on between two beats by this host's monotonic clock")
    func goesOn() {
        let clock = RemoteClock(1_000_000, at: start)
        #expect(clock.time(start) == 1_000_000)
        #expect(clock.time(start + .milliseconds(2_500)) == 1_002_500)
        #expect(clock.time(start - .seconds(5)) == 1_000_000)
    }

    @Test("follows a beat that was on its way for less time, and none that was late")
    func late() {
        var clock = RemoteClock(1_000_000, at: start)
        let now = start + .seconds(10)
        clock.follow(RemoteClock(1_009_000, at: now), now)
        #expect(clock.time(now) == 1_010_000)
        clock.follow(RemoteClock(1_019_000, at: now), now)
        #expect(clock.time(now) == 1_019_000)
    }

    @Test(
        "does not follow a clock that was set, ahead or back",
        arguments: [3_600_000, 86_400_000, -3_600_000, -86_400_000])
    func set(milliseconds: Int64) {
        var clock = RemoteClock(1_793_491_200_000, at: start)
        let now = start + .seconds(10)
        clock.follow(RemoteClock(UInt64(1_793_491_200_000 + milliseconds), at: now), now)
        #expect(clock.time(now) == 1_793_491_210_000)
    }

    @Test("holds whatever a hub may say")
    func anything() {
        var clock = RemoteClock(.max, at: start)
        #expect(clock.time(start + .seconds(1)) == (1 << 54) + 1000)
        clock.follow(RemoteClock(0, at: start), start)
        #expect(clock.time(start) == 1 << 54)
    }
}
