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
}
