import Federation
import StageKit
import Testing
import Topology

@Suite("What one peer may send")
struct AllowanceTests {
    /// An allowance that an expectation may use up.
    private final class Kept {
        private var allowance: PeerAllowance
        init(_ now: ContinuousClock.Instant) {
            allowance = PeerAllowance(Topology.PeerLimits(messages: 100, bytes: 4 << 20), now: now)
        }
        func take(_ count: Int, now: ContinuousClock.Instant) -> Bool { allowance.take(count, now: now) }
        func chargeMistake() { allowance.chargeMistake() }
        func drop() { allowance.drop() }
        func report(now: ContinuousClock.Instant) -> Int? { allowance.report(now: now) }
    }

    @Test("Two seconds' worth at once, then as much as a second gives")
    func messages() {
        let start = ContinuousClock.now
        let allowance = Kept(start)
        var taken = 0
        for _ in 0..<1000 where allowance.take(10, now: start) { taken += 1 }
        #expect(taken == 200)
        taken = 0
        for _ in 0..<1000 where allowance.take(10, now: start + .seconds(1)) { taken += 1 }
        #expect(taken == 100)
        taken = 0
        for _ in 0..<1000 where allowance.take(10, now: start + .seconds(1000)) { taken += 1 }
        #expect(taken == 200)
    }

    @Test("Bytes count as messages do")
    func bytes() {
        let start = ContinuousClock.now
        let allowance = Kept(start)
        var taken = 0
        for _ in 0..<100 where allowance.take(1 << 20, now: start) { taken += 1 }
        #expect(taken == 8)
    }

    @Test("A mistake costs as much as fifty messages, and is forgiven in time")
    func mistakes() {
        let start = ContinuousClock.now
        let allowance = Kept(start)
        #expect(allowance.take(10, now: start))
        for _ in 0..<4 { allowance.chargeMistake() }
        #expect(!allowance.take(10, now: start))
        for _ in 0..<1000 { allowance.chargeMistake() }
        #expect(!allowance.take(10, now: start + .milliseconds(900)))
        #expect(allowance.take(10, now: start + .seconds(2)))
    }

    @Test("What is dropped is reported once a second, with its number")
    func reports() {
        let start = ContinuousClock.now
        let allowance = Kept(start)
        #expect(allowance.report(now: start) == nil)
        for _ in 0..<210 { _ = allowance.take(10, now: start) }
        #expect(allowance.report(now: start) == 10)
        for _ in 0..<5 { allowance.drop() }
        #expect(allowance.report(now: start + .milliseconds(500)) == nil)
        #expect(allowance.report(now: start + .seconds(1)) == 5)
    }
}
