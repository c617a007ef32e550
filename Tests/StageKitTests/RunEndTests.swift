import Sodium
import StageKit
import Testing

@Suite("The end of a run, for a stage")
struct RunEndTests {
    private let start = ContinuousClock.now

    @Test("Publish is told at once, again while it does not answer, and not for ever")
    func farewell() {
        var farewell = Farewell(Digest(of: [1]), now: start)
        var steps: [Farewell.Step] = []
        for milliseconds in [0, 100, 499, 500, 999, 1000, 29_999, 30_000] {
            steps.append(farewell.step(start + .milliseconds(milliseconds)))
        }
        #expect(steps == [.tell, .wait, .wait, .tell, .wait, .tell, .tell, .leave])
    }

    @Test("Publish is asked again after two seconds, then less and less often, and for ever")
    func enquiry() {
        var enquiry = Enquiry(start)
        let asked = [1, 2, 3, 5, 6, 13, 14, 29, 30].filter { enquiry.isDue(start + .seconds($0)) }
        #expect(asked == [2, 6, 14, 30])
        #expect((0..<10_000).count { enquiry.isDue(start + .seconds(31 + $0)) } > 14)
    }

    @Test("Silence of publish is told less and less often, any word ends it, and a day of it ends the stage")
    func silence() {
        var silence = Silence(start)
        func step(_ seconds: Int) -> Silence.Step { silence.step(start + .seconds(seconds)) }
        #expect(
            [59, 60, 61, 119, 120, 239].map(step) == [
                .wait, .warn(.seconds(60)), .wait, .wait, .warn(.seconds(120)), .wait,
            ])
        silence.heard(start + .seconds(300))
        #expect(step(359) == .wait)
        #expect(step(360) == .warn(.seconds(60)))
        #expect(step(300 + 86_399) != .giveUp)
        #expect(step(300 + 86_400) == .giveUp)
    }
}
