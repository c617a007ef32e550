import StageKit
import Testing

@Suite("Complaints in the log")
struct LogThrottleTests {
    @Test("Are bounded in every span, and what was left out is counted")
    func bounded() {
        let start = ContinuousClock.now
        var throttle = LogThrottle(limit: 3, span: .seconds(10), now: start)
        let first = (0..<5).map { _ in throttle.line(start) }
        #expect(first == [.write(omitted: 0), .write(omitted: 0), .write(omitted: 0), .omit, .omit])
        let before = throttle.line(start + .seconds(10) - .nanoseconds(1))
        #expect(before == .omit)
        let later = (0..<2).map { _ in throttle.line(start + .seconds(10)) }
        #expect(later == [.write(omitted: 3), .write(omitted: 0)])
    }

    @Test("Are bounded for each peer: one that floods the log leaves the others their lines")
    func perPeer() {
        let start = ContinuousClock.now
        var throttle = PeerThrottle(limit: 2, span: .seconds(10), capacity: 3, now: start)
        let flood = (0..<50).map { _ in throttle.line(of: "north/encrypt", start) }
        #expect(flood.filter { $0 != .omit }.count == 2)
        #expect(throttle.line(of: "west/encrypt", start) == .write(omitted: 0))
        #expect(throttle.line(of: "east/encrypt", start) == .write(omitted: 0))
        // The table is full: all others share one bound, however many names they think of.
        let strangers = (0..<50).map { throttle.line(of: "10.0.0.\($0)", start) }
        #expect(strangers.filter { $0 != .omit }.count == 2)
        #expect(throttle.line(of: "west/encrypt", start) == .write(omitted: 0))
        // Whoever has been quiet makes room; what was left out is still told.
        let later = start + .seconds(10)
        #expect(throttle.line(of: "south/encrypt", later) == .write(omitted: 0))
        #expect(throttle.line(of: "north/encrypt", later) == .write(omitted: 48))
    }
}
