import Federation
import JSONText
import Monitoring
import SeededRandom
import Sodium
import View

/// The way in for many events, as those who watch take them: what the mutation tests and the fuzzer (`scripts/fuzz`) both push
/// lines through.
enum ViewDecoders {
    static let all = Result { [try events()] }

    private static func events() throws -> Spoiling.Entry {
        var story = try Story()
        try story.start()
        try story.tell(
            .roundOpened, "release/publish", at: 2, round: 1, [.purpose: .text("update"), .planSteps: .number(3)])
        for cloud in Story.clouds {
            try story.tell(.trainingStarted, "\(cloud)/local-train", at: 3, round: 1)
            try story.tell(
                .contributionSealed, "\(cloud)/encrypt", at: 4, round: 1,
                [.values: .number(12), .sealSeconds: .real(0.5)])
        }
        try story.tell(
            .roundClosed, "coordinator/aggregate", at: 5, round: 1, [.bytes: .number(9), .gatherSeconds: .real(1)])
        try story.tell(
            .roundReleased, "release/publish", at: 6, round: 1, [.purpose: .text("update"), .seconds: .real(4)])
        let (plan, lines) = (story.plan, story.events.map(EventLine.bytes))
        let now = Story.at(8)
        // From the end: those tell the most, and fewer leave room for what the fuzzer adds.
        return (
            "events", [Array(lines.suffix(9).joined()), Array(lines.suffix(3).joined())],
            { bytes in
                var view = FederationView(plan)
                var events: [Event] = []
                for line in bytes.split(separator: UInt8(ascii: "\n")).prefix(64) {
                    // Whoever watches steps over a line that is none.
                    do { events.append(try EventLine.event(line)) } catch { continue }
                }
                for event in events { view.take(event) }
                _ = try view.document(at: now).encoded(.compact)
                _ = (view.waits, view.rates(at: now), view.byteSeries(at: now, over: 60))
                let screen = TopScreen(plan)
                for width in [20, 80, 160] { _ = screen.frame(of: view, at: now, width: width, height: 40) }
                let trace = try RoundTrace(1, of: plan, events: events)
                precondition(trace.extent.start <= trace.extent.end, "a trace that ends before it begins")
            }
        )
    }
}
