import Federation
import JSONText
import Monitoring
import Testing
import View

@Suite("A round's trace")
struct RoundTraceTests {
    private func trace() throws -> RoundTrace {
        var story = try Story()
        try story.start()
        try story.update(1, at: 10)
        try story.update(2, at: 30)
        return try RoundTrace(2, of: story.plan, events: story.events.reversed())
    }

    @Test("publish's span is the root, stages hang under it, phases under stages; ids are those of the trace context")
    func tree() throws {
        let trace = try trace()
        let root = try #require(trace.spans.first)
        #expect(root.parent == nil && root.stage.description == "release/publish")
        #expect(root.start == Story.at(30) && root.end == Story.at(40))
        let parts = trace.spans.filter { $0.depth == 1 }
        #expect(parts.allSatisfy { $0.parent == root.id })
        #expect(
            parts.map { "\($0.stage)" }.sorted() == [
                "coordinator/aggregate", "east/encrypt", "east/local-train", "north/encrypt", "north/local-train",
                "release/publish", "west/encrypt", "west/local-train",
            ])
        for span in trace.spans where span.depth == 2 {
            #expect(parts.contains { $0.id == span.parent && $0.stage == span.stage })
        }
        #expect(Set(trace.spans.map(\.id)).count == trace.spans.count)
        var story = try Story()
        try story.update(2, at: 0)
        let context = try #require(story.events.first { $0.stage.description == "north/encrypt" }).trace
        #expect(root.id == context.span(named: "round"))
        #expect(parts.contains { $0.id == context.span && $0.stage.description == "north/encrypt" })
        #expect(trace.trace == context.trace)
    }

    @Test("the waterfall is drawn to scale")
    func waterfall() throws {
        let lines = try trace().waterfall(width: 80).map(\.plain)
        #expect(
            lines.joined(separator: "\n") == """
                 round 2 update of one-machine, run demo: released after 10.0 s
                 trace b74c89b6b9721de66e54329a91f562cf

                 SPAN                      TOOK  AT       0              5.00 s          10.0 s
                 round                   10.0 s +0        ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━
                 north/local-train       3.00 s +1.00 s       ───────────
                   train                 3.00 s +1.00 s       ███████████
                 north/encrypt           8.50 s +0.50 s     ───────────────────────────────
                   quantise              0.25 s +4.25 s                   █
                   seal                  0.50 s +4.50 s                    ██
                   check                 0.25 s +8.50 s                                  █
                   share                 0.25 s +8.75 s                                   █
                 west/local-train        3.00 s +2.00 s          ────────────
                   train                 3.00 s +2.00 s          ████████████
                 west/encrypt            8.50 s +0.50 s     ───────────────────────────────
                   quantise              0.25 s +5.25 s                      █
                   seal                  0.50 s +5.50 s                       ██
                   check                 0.25 s +8.50 s                                  █
                   share                 0.25 s +8.75 s                                   █
                 east/local-train        3.00 s +3.00 s              ───────────
                   train                 3.00 s +3.00 s              ███████████
                 east/encrypt            8.50 s +0.50 s     ───────────────────────────────
                   quantise              0.25 s +6.25 s                          █
                   seal                  0.50 s +6.50 s                           ██
                   check                 0.25 s +8.50 s                                  █
                   share                 0.25 s +8.75 s                                   █
                 coordinator/aggregate   7.50 s +0.50 s     ────────────────────────────
                   gather                7.50 s +0.50 s     ████████████████████████████
                   add                   0.10 s +5.50 s                       █
                   add                   0.10 s +6.50 s                           █
                   add                   0.10 s +7.50 s                               █
                 release/publish         10.0 s +0        ─────────────────────────────────────
                   open                  0.50 s +9.50 s                                      ██
                """)
    }

    @Test("a round that is not there says which are")
    func absent() throws {
        var story = try Story()
        try story.update(3, at: 0)
        do {
            _ = try RoundTrace(9, of: story.plan, events: story.events)
            Issue.record("there is no round 9")
        } catch {
            #expect("\(error)" == "no events of round 9 are kept on this host; there are 3 to 3")
        }
        #expect(try RoundTrace(3, of: story.plan, events: story.events).round.number == 3)
    }

    @Test("Chrome's format has a span for each of ours, in microseconds, with names for processes and threads")
    func chrome() throws {
        let trace = try trace()
        let text = try trace.chrome.encoded(.compact)
        let root = JSONField(try JSON(text))
        let entries = try root.member("traceEvents").elements(atMost: 10_000)
        let spans = try entries.filter { try $0.member("ph").string() == "X" }
        #expect(spans.count == trace.spans.count)
        let first = try #require(spans.first)
        #expect(try first.member("ts").number(in: 0...1e12) == 0)
        #expect(try first.member("dur").number(in: 0...1e12) == 10_000_000)
        let names = try entries.filter { try $0.member("ph").string() == "M" }
            .map { try $0.member("args").member("name").string() }
        #expect(names.contains("north") && names.contains("local-train"))
    }

    @Test("OTLP/JSON has hexadecimal ids, times as texts, and every parent among its spans")
    func otlp() throws {
        let trace = try trace()
        let root = JSONField(try JSON(try trace.otlp.encoded(.compact)))
        let resources = try root.member("resourceSpans").elements(atMost: 100)
        var (ids, parents): (Set<String>, [String]) = ([], [])
        for resource in resources {
            for scope in try resource.member("scopeSpans").elements(atMost: 10) {
                for span in try scope.member("spans").elements(atMost: 1000) {
                    let id = try span.member("spanId").string()
                    #expect(id.count == 16 && id.allSatisfy(\.isHexDigit))
                    #expect(try span.member("traceId").string().count == 32)
                    #expect(UInt64(try span.member("startTimeUnixNano").string()) != nil)
                    ids.insert(id)
                    if let parent = try span.optional("parentSpanId") { parents.append(try parent.string()) }
                }
            }
        }
        #expect(ids.count == trace.spans.count)
        #expect(parents.count == trace.spans.count - 1)
        #expect(parents.allSatisfy(ids.contains))
    }
}
