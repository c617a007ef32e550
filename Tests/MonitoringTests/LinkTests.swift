import Monitoring
import Testing

@Suite("What links measure")
struct LinkTests {
    private let start = ContinuousClock.now
    private let chunk = 128 << 10

    @Test("goodput is bytes over time, without the chunk that starts the clock")
    func goodput() throws {
        var meter = GoodputMeter()
        // 128 KiB every 20 ms.
        for index in 0...16 { _ = meter.took(chunk, now: start + .milliseconds(20 * index)) }
        #expect(try #require(meter.bytesPerSecond) == Double(chunk) / 0.02)
        #expect(meter.samples == 1)
    }

    @Test("a stretch is both long and large enough; what is left of it starts the next")
    func stretches() throws {
        var meter = GoodputMeter()
        var figures: [Int] = []
        for index in 0..<40 where meter.took(chunk, now: start + .milliseconds(100 * index)) { figures.append(index) }
        // 512 KiB are four chunks, which take 400 ms.
        #expect(figures == [4, 8, 12, 16, 20, 24, 28, 32, 36])
        // Each stretch begins where the one before ended.
        #expect(try #require(meter.bytesPerSecond) == Double(chunk) / 0.1)
    }

    @Test("a slower link moves the figure by a quarter of the way with each stretch")
    func smoothed() throws {
        var meter = GoodputMeter()
        var now = start
        func take(_ count: Int, every gap: Duration) {
            for _ in 0..<count {
                now += gap
                _ = meter.took(chunk, now: now)
            }
        }
        _ = meter.took(chunk, now: now)
        take(4, every: .milliseconds(50))
        #expect(try #require(meter.bytesPerSecond) == Double(chunk) * 20)
        take(4, every: .milliseconds(100))
        let expected = Double(chunk) * (20 + 0.25 * (10 - 20))
        #expect(abs(try #require(meter.bytesPerSecond) - expected) < 1e-6)
    }

    @Test("a short transfer counts by itself if it is large enough, and a tail does not")
    func short() throws {
        var meter = GoodputMeter()
        for index in 0...2 { _ = meter.took(chunk, now: start + .milliseconds(10 * index)) }
        let isNew = meter.ended(now: start + .milliseconds(20))
        #expect(isNew)
        #expect(try #require(meter.bytesPerSecond) == Double(chunk) * 100)
        var tiny = GoodputMeter()
        for index in 0...1 { _ = tiny.took(chunk, now: start + .milliseconds(10 * index)) }
        let isTiny = tiny.ended(now: start + .milliseconds(10))
        #expect(!isTiny)
        #expect(tiny.bytesPerSecond == nil)
        for index in 0...16 { _ = meter.took(chunk, now: start + .milliseconds(1000 + 20 * index)) }
        let before = meter.bytesPerSecond
        let isTail = meter.ended(now: start + .seconds(20))
        #expect(!isTail)
        #expect(meter.bytesPerSecond == before)
    }

    @Test("what was on its way when a connection broke is not counted")
    func broken() {
        var meter = GoodputMeter()
        for index in 0...3 { _ = meter.took(chunk, now: start + .milliseconds(50 * index)) }
        meter.broke()
        let isFigure = meter.took(chunk, now: start + .seconds(60))
        #expect(!isFigure)
        #expect(meter.bytesPerSecond == nil)
    }

    @Test("jitter is RFC 3550's: J += (|D| - J) / 16")
    func jitter() throws {
        var jitter = InterarrivalJitter()
        // Sent every two seconds by a clock that is 100 s ahead; the transits are 10, 14, 9, 9 and 30 ms.
        let transits = [0.010, 0.014, 0.009, 0.009, 0.030]
        var expected = 0.0
        for (index, transit) in transits.enumerated() {
            let sent = 100 + 2 * Double(index)
            jitter.take(sent: sent, arrived: sent - 100 + transit)
            if index == 0 {
                #expect(jitter.seconds == nil)
            } else {
                expected += (abs(transit - transits[index - 1]) - expected) / 16
            }
        }
        // By hand: 4/16 = 0.25; 0.25 + (5 - 0.25)/16 = 0.546875; 0.5126953125; + (21 - 0.5127)/16 = 1.793151855 ms.
        #expect(abs(expected - 0.001793151855) < 1e-11)
        #expect(abs(try #require(jitter.seconds) - expected) < 1e-9)
    }

    @Test("after a pause nothing is compared with what was before it")
    func skipped() throws {
        var jitter = InterarrivalJitter()
        jitter.take(sent: 0, arrived: 0.01)
        jitter.take(sent: 1, arrived: 1.02)
        let known = try #require(jitter.seconds)
        jitter.skip()
        jitter.take(sent: 2, arrived: 7)
        #expect(jitter.seconds == known)
    }
}
