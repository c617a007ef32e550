import Federation
import Monitoring
import SeededRandom
import Testing
import View

@Suite("Spoiled events that somebody watches")
struct ViewMutationTests {
    @Test("A thousand spoiled forms of each seed are shown, or there is no such round in them")
    func spoiled() throws {
        for entry in try ViewDecoders.all.get() {
            _ = try Spoiling.push(entry, count: 1_000) { error in
                if !(error is RoundTrace.Absent) || "\(error)".isEmpty { Issue.record("\(entry.name): \(error)") }
            }
        }
    }

    @Test("A stage whose numbers leap has lost as many events as can be counted")
    func leaps() throws {
        var story = try Story()
        for sequence in [1, UInt64(Int.max), 1, UInt64(Int.max), 1, UInt64(Int.max)] {
            try story.tell(.stageReady, "north/encrypt", at: 1, sequence: sequence)
        }
        var view = FederationView(story.plan)
        for event in story.events { view.take(event) }
        #expect(view.stage(try StageName("north/encrypt"))?.lostEvents == .max)
    }
}
